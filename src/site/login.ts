/** The login form with its CSRF token, and what it does. */
import { type Answer, redirect, type Visit } from './answer.js';
import { escapeHtml, framed } from './html.js';
import { forgetSession, newToken, type Sessions } from './session.js';

function loginForm(csrfToken: string, error?: string): string {
  const complaint = error === undefined ? '' : `<p class="error">Error while logging in: ${error}</p>`;
  return framed(
    `<body>
    <form action="/login" method="post" accept-charset="utf-8" >
        <input type="hidden" name="csrf_token" value="${escapeHtml(csrfToken)}"/>
        <div class="row">
            <div class="form-group col-xs-3">
                <label for="username">Username</label>
                <input type="text" class="form-control" id="username" name="username" />
            </div>
        </div>
        <div class="row">
            <div class="form-group col-xs-3">
                <label for="username">Password</label>
                <input type="password" class="form-control" id="password" name="password" />
            </div>
        </div>
        <input type="submit" value="Login" class="btn btn-primary" />
        ${complaint}
    </form>
</body>
`,
    false,
  );
}

function showForm(sessions: Sessions, error?: string): Answer {
  const csrfToken = newToken();
  const headers = { 'set-cookie': sessions.write({ csrfToken }), 'cache-control': 'no-store' };
  return { status: error === undefined ? 200 : 400, headers, body: loginForm(csrfToken, error) };
}

/** Shows the form; with the form's own token and any name and password, lets the visitor in. */
export function login(sessions: Sessions, { method, form, session }: Visit): Answer {
  if (method !== 'POST') return showForm(sessions);
  const token = form.get('csrf_token');
  if (!token || token !== session.csrfToken) return showForm(sessions, 'the form is not from this session.');
  const username = form.get('username');
  if (!username) return showForm(sessions, 'please, provide your username.');
  if (!form.get('password')) return showForm(sessions, 'please, provide your password.');
  return redirect('/', 302, { 'set-cookie': sessions.write({ username }) });
}

/** Lets the visitor out. */
export function logout(): Answer {
  return redirect('/', 302, { 'set-cookie': forgetSession });
}
