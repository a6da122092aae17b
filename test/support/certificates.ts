/** TLS certificates made on the spot by the `openssl` command. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** One authority, and what it signed. */
export interface Certificates {
  readonly ca: string;
  readonly valid: Certificate;
  readonly expired: Certificate;
  readonly wrongHost: Certificate;
  /** Signed by nobody else. */
  readonly selfSigned: Certificate;
}

/** Makes certificates for 127.0.0.1; undefined where there is no `openssl`. */
export function makeCertificates(): Certificates | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  const file = (name: string) => join(directory, name);
  const openssl = (...parts: string[]) => execFileSync('openssl', parts, { cwd: directory, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const sign = (name: string, host: string, days: string): Certificate => {
    writeFileSync(file(`${name}.ext`), `subjectAltName=${host}`);
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...authority,
      '-days',
      days,
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
    return { cert: readFileSync(file(`${name}.pem`), 'utf8'), key: readFileSync(file(`${name}.key`), 'utf8') };
  };
  const signSelf = (name: string): Certificate => {
    const own = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', '2'];
    openssl('req', '-x509', ...newKey, ...own, '-addext', 'subjectAltName=IP:127.0.0.1');
    return { cert: readFileSync(file(`${name}.pem`), 'utf8'), key: readFileSync(file(`${name}.key`), 'utf8') };
  };
  try {
    openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority', '-days', '2');
    return {
      ca: readFileSync(file('ca.pem'), 'utf8'),
      valid: sign('valid', 'IP:127.0.0.1,DNS:*.crawl.test', '2'),
      expired: sign('expired', 'IP:127.0.0.1', '-1'),
      wrongHost: sign('elsewhere', 'DNS:elsewhere.example', '2'),
      selfSigned: signSelf('self'),
    };
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
