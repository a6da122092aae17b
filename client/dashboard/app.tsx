import { signal } from '@preact/signals';
import { Announcer } from './announcer.js';
import { rememberToken, tokenWanted } from './api.js';
import { Charts } from './charts.js';
import { Editor } from './editor.js';
import { Events } from './events.js';
import { Figures } from './figures.js';
import { viewNow } from './frames.js';
import { Header } from './header.js';
import { beginAgain } from './session.js';
import { Sidebar } from './sidebar.js';

const view = signal(viewNow());
addEventListener('hashchange', () => {
  view.value = viewNow();
});

/** The whole page. */
export function App() {
  const isEditing = view.value === 'spiders';
  return (
    <>
      <Header isEditing={isEditing} />
      {tokenWanted.value && <TokenForm />}
      {isEditing ? <Editor /> : <Watching />}
      <Announcer />
    </>
  );
}

function Watching() {
  return (
    <main class="watching">
      <Figures />
      <Charts />
      <Events />
      <Sidebar />
    </main>
  );
}

function TokenForm() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const text = new FormData(event.currentTarget).get('token');
    if (typeof text !== 'string' || text.trim() === '') return;
    rememberToken(text.trim());
    beginAgain();
  };
  return (
    <form class="banner" onSubmit={submit}>
      <label for="token">This service wants a token for that.</label>
      <input id="token" name="token" type="password" autocomplete="off" />
      <button type="submit">Use it</button>
    </form>
  );
}
