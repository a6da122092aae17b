/** Headers and cookies that a spider may have sent: what could not be sent would fail at each page. */
import { z } from 'zod';

const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'the name of a header has letters, digits and "-"' })
  .refine((name) => !/^(?:expect|keep-alive|transfer-encoding|upgrade)$/i.test(name), {
    error: 'this header is about the connection, which is not yours',
  });
const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: 'a header is one line of Latin characters' });
const cookieName = z
  .string()
  .regex(/^[!-+\--:<>-~\x80-\xff]+$/, { error: 'the name of a cookie has no space, "=", ";" and "," in it' });
const cookieValue = z
  .string()
  .regex(/^[\t\x20-:<-~\x80-\xff]*$/, { error: 'a cookie is one line of Latin characters without ";"' });

/** Headers by their names. */
export const headersSchema = z.record(headerName, headerValue);

/** Cookies by their names. */
export const cookiesSchema = z.record(cookieName, cookieValue);
