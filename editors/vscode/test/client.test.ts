// The extension as it is packaged, in an editor without a window, with the real server.

import assert from 'node:assert/strict';
import * as path from 'node:path';
import { after, before, test } from 'node:test';

import { BINARY, ROOT, folder, printing } from './binary';
import { Position, Range, Selection, TextEdit, Uri, editor } from './editor';
import type { Diagnostic } from './editor';

const root = folder({
    Dockerfile: 'FROM scratch as base\nENV NAME value\nRUN  echo $NAME\nRUM x\n',
    'web.Dockerfile': 'FROM scratch AS Base\nCOPY a.txt /\n',
    '.gitignore': '[\n',
    '.dockerignore': '# nothing\nnothing-here\n',
    'a.txt': 'a\n',
});
const at = (name: string) => path.join(root, name);
const code = (found: Diagnostic) => (found.code as { value?: string })?.value ?? found.code;
const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose() {} }) };

const extension = require(path.join(ROOT, 'dist/extension.js'));

before(async () => {
    editor.settings.set('dfc.path', BINARY);
    editor.settings.set('dfc.env', { DFC_HOME: at('store') });
    await extension.activate({ subscriptions: [] });
});

after(() => extension.deactivate());

test('a .gitignore starts no server', async () => {
    editor.open(at('.gitignore'), 'ignore');
    await editor.commands.get('dfc.format')?.();
    assert.deepEqual(editor.messages.splice(0), ['dfc is not running.']);
    assert.equal(editor.status.text, 'dfc is not running');
});

test('a Dockerfile gets diagnostics, and codes that lead to pages', async () => {
    const document = editor.open(at('Dockerfile'), 'dockerfile');
    const found = await editor.until(at('Dockerfile'), (found) => found.length > 2);
    assert.match(editor.status.text, /^dfc \d+\.\d+\.\d+$/);
    assert.ok(found.some((it) => it.message.startsWith('unknown instruction: RUM') && it.range.start.line === 3));
    const casing = found.find((it) => code(it) === 'FromAsCasing');
    const target = (casing?.code as { target?: Uri } | undefined)?.target;
    assert.equal(target?.toString(), 'dfc-rule:/FromAsCasing.md');
    const page = await editor.providers.get('dfc-rule').provideTextDocumentContent(target);
    assert.ok(page.startsWith('# FromAsCasing\n'));
    await editor.commands.get('dfc.format')?.();
    assert.deepEqual(editor.messages.splice(0), ['A file with errors is not formatted.']);
    editor.edit(document, [new TextEdit(new Range(3, 0, 3, 3), 'RUN')]);
    await editor.until(at('Dockerfile'), (found) => !found.some((it) => it.message.includes('RUM')));
});

test('hover, completion, fixes and formatting answer', async () => {
    const document = editor.documents[1];
    const ask = (provider: string, method: string, ...args: unknown[]) =>
        editor.providers.get(`register${provider}`)[method](document, ...args);
    const hover = await ask('HoverProvider', 'provideHover', new Position(2, 12), token);
    assert.ok(JSON.stringify(hover).includes('`NAME` = `value`'));
    const completion = await ask('CompletionItemProvider', 'provideCompletionItems', new Position(2, 0), token, {});
    const items: { label: unknown }[] = Array.isArray(completion) ? completion : completion.items;
    assert.ok(items.some((it) => it.label === 'HEALTHCHECK'));
    const everything = new Range(0, 0, 4, 0);
    const actions = await ask('CodeActionsProvider', 'provideCodeActions', everything, { diagnostics: [] }, token);
    assert.ok(actions.some((it: { title: string }) => it.title === 'Skip FromAsCasing here'));
    await editor.commands.get('dfc.format')?.();
    assert.equal(document.getText(), 'FROM scratch AS base\nENV NAME=value\nRUN echo $NAME\nRUN x\n');
});

test('the page of the rule at the cursor is opened', async () => {
    editor.open(at('web.Dockerfile'), 'dockerfile');
    const [found] = await editor.until(at('web.Dockerfile'), (found) => found.length > 0);
    assert.equal(code(found), 'StageNameCasing');
    assert.ok(editor.active);
    editor.active.selection = new Selection(found.range.end, found.range.end);
    editor.called.length = 0;
    await editor.commands.get('dfc.openRule')?.();
    await editor.commands.get('dfc.openRule')?.('FromAsCasing');
    // Where no rule found anything, the first one of all is picked.
    editor.active.selection = new Selection(1, 0, 1, 0);
    await editor.commands.get('dfc.openRule')?.();
    const shown = editor.called.map(([command, page]) => `${command} ${String(page)}`);
    assert.deepEqual(shown.slice(0, 2), [
        'markdown.showPreview dfc-rule:/StageNameCasing.md',
        'markdown.showPreview dfc-rule:/FromAsCasing.md',
    ]);
    assert.match(shown[2], /^markdown.showPreview dfc-rule:\/[A-Z]/);
});

test('the step at the cursor is explained', async () => {
    editor.called.length = 0;
    await editor.commands.get('dfc.explain')?.();
    const [, name, text] = editor.called[0].map(String);
    assert.ok(name.startsWith('dfc-step:/web.Dockerfile'), name);
    assert.ok(text.includes('COPY a.txt /') || text.includes('line 2'), text);
});

test('a .dockerignore is checked', async () => {
    editor.open(at('.dockerignore'), 'ignore');
    const found = await editor.until(at('.dockerignore'), (found) => found.length > 0);
    assert.deepEqual(found.map(code), ['unused-pattern']);
    assert.equal(editor.diagnostics.get(Uri.file(at('.gitignore')).toString()), undefined);
});

test('the server can be restarted', async () => {
    editor.diagnostics.clear();
    await editor.commands.get('dfc.restart')?.();
    await editor.until(at('.dockerignore'), (found) => found.length > 0);
    assert.match(editor.status.text, /^dfc \d/);
});

test('a program that cannot be used is named, with what to do', async () => {
    for (const [program, said] of [
        ['no-such-program', '`no-such-program` is not on the PATH. Install dfc, or say in the setting dfc.path where it is.'],
        [at('none'), `There is no \`${at('none')}\`. The setting dfc.path says where dfc is.`],
        [at('a.txt'), `\`${at('a.txt')}\` may not be executed. The setting dfc.path says where dfc is.`],
        [printing('something 1.2.3'), 'is another program than dfc'],
        [printing('dfc 0.0.9'), 'is dfc 0.0.9, and this extension needs 0.1.0 or a newer one.'],
    ]) {
        editor.messages.length = 0;
        editor.set('dfc.path', program);
        for (let rounds = 0; rounds < 600 && editor.messages.length === 0; rounds += 1) {
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assert.ok(editor.messages[0]?.includes(said), `${program}: ${editor.messages}`);
        assert.equal(editor.status.text, 'dfc is not running');
        assert.equal(editor.status.detail, editor.messages[0]);
    }
    // The next setting is heard, too.
    editor.set('dfc.path', BINARY);
    await editor.until(at('.dockerignore'), (found) => found.length > 0);
});
