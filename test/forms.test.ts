import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFormReader, fillIn, readBody } from '#src/crawl/forms.js';

const url = 'http://a.test/login?next=1';

function formIn(html: string, css = 'form') {
  return createFormReader(css, undefined)(html, url).form;
}

test('forms › the first that the selector matches counts', () => {
  const html = '<form action=/1></form><form class=x action=/2></form><form class=x action=/3></form>';
  assert.equal(formIn(html)?.action, 'http://a.test/1');
  assert.equal(formIn(html, '.x')?.action, 'http://a.test/2');
});

test('forms › one that says neither where nor how goes to its page, with GET', () => {
  assert.deepEqual(formIn('<form></form>'), { action: url, method: 'GET', hidden: [], inputs: [] });
});

test('forms › each hidden input keeps its own value, and one without a value is left out', () => {
  const inputs = '<input type=hidden name=a><input type=hidden name=b value=2><input type=HIDDEN name=c value="">';
  const more = '<input name=d><select name=e></select><textarea name=f></textarea><input type=submit>';
  const form = formIn(`<form method=Post>${inputs}${more}</form>`);
  assert.deepEqual(form?.hidden, [
    ['b', '2'],
    ['c', ''],
  ]);
  assert.deepEqual(form?.inputs, ['a', 'b', 'c', 'd', 'e', 'f']);
  assert.equal(form?.method, 'POST');
});

test('forms › what is filled in replaces what was hidden, and in a GET the query of the action', () => {
  const action = 'http://a.test/in?old=1';
  const fill = (method: 'GET' | 'POST', fields: Record<string, string>) =>
    fillIn({ action, method, hidden: [['x', '1']], inputs: ['x', 'q'] }, fields);
  assert.deepEqual(fill('GET', { q: 'a b' }), { url: 'http://a.test/in?x=1&q=a+b', method: 'GET' });
  assert.deepEqual(fill('POST', { x: '2' }), { url: action, method: 'POST', body: 'x=2' });
});

test('forms › a body is read to its end, also where its charset is never said', async () => {
  async function* body() {
    yield Buffer.from('<title>caf');
    yield Buffer.from('é');
  }
  assert.equal(await readBody(body(), 'text/html'), '<title>café');
});
