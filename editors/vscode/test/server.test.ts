// `dfc lsp`, spoken to with the library that VS Code's client is made of.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import * as url from 'node:url';

import * as lsp from 'vscode-languageserver-protocol/node';

import { BINARY, folder } from './binary';

const root = folder({ 'data.txt': 'data\n' });
const server = spawn(BINARY, ['lsp'], {
    env: { ...process.env, DFC_HOME: path.join(root, 'store') },
    stdio: ['pipe', 'pipe', 'inherit'],
});
const connection = lsp.createProtocolConnection(
    new lsp.StreamMessageReader(server.stdout),
    new lsp.StreamMessageWriter(server.stdin),
);
const published: lsp.PublishDiagnosticsParams[] = [];
let heard = () => {};

const TEXT = 'ARG VERSION=3\nFROM scratch as base\nARG VERSION\nENV GREETING hi-𝄞-$VERSION\nRUN  echo $GREETING\nRUM x\n';

function at(name: string): string {
    return url.pathToFileURL(path.join(root, name)).href;
}

function place(line: number, character: number): lsp.TextDocumentPositionParams {
    return { textDocument: { uri: at('Dockerfile') }, position: { line, character } };
}

/** Opens a file and waits for what is said of it. */
async function open(name: string, languageId: string, text: string): Promise<lsp.Diagnostic[]> {
    const textDocument = { uri: at(name), languageId, version: 1, text };
    await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument });
    for (;;) {
        const found = published.find((it) => it.uri === textDocument.uri);
        if (found !== undefined) {
            return found.diagnostics;
        }
        await new Promise<void>((resolve) => (heard = resolve));
    }
}

before(async () => {
    connection.onNotification(lsp.PublishDiagnosticsNotification.type, (params) => {
        published.push(params);
        heard();
    });
    connection.listen();
    const workspaceFolders = [{ uri: url.pathToFileURL(root).href, name: 'root' }];
    const capabilities = { textDocument: { publishDiagnostics: { relatedInformation: true } } };
    const answer = await connection.sendRequest(lsp.InitializeRequest.type, {
        processId: process.pid, rootUri: null, workspaceFolders, capabilities,
    });
    assert.equal(answer.serverInfo?.name, 'dfc');
    await connection.sendNotification(lsp.InitializedNotification.type, {});
});

after(async () => {
    await connection.sendRequest(lsp.ShutdownRequest.type);
    await connection.sendNotification(lsp.ExitNotification.type);
    const status = await new Promise((resolve) => server.once('exit', resolve));
    connection.dispose();
    assert.equal(status, 0);
});

test('diagnostics', async () => {
    const found = await open('Dockerfile', 'dockerfile', TEXT);
    const codes = found.map((it) => it.code);
    assert.ok(codes.includes('FromAsCasing') && codes.includes('LegacyKeyValueFormat'), String(codes));
    assert.ok(found.some((it) => it.severity === 1 && it.range.start.line === 5));
});

test('hover, behind a character of two units', async () => {
    const hover = await connection.sendRequest(lsp.HoverRequest.type, place(3, 20));
    assert.ok(JSON.stringify(hover).includes('`VERSION` = `3`'), JSON.stringify(hover));
});

test('completion', async () => {
    const found = await connection.sendRequest(lsp.CompletionRequest.type, place(5, 2));
    const items = Array.isArray(found) ? found : (found?.items ?? []);
    assert.ok(items.some((it) => it.label === 'RUN'));
});

test('definition and rename', async () => {
    const definition = await connection.sendRequest(lsp.DefinitionRequest.type, place(4, 13));
    assert.ok(JSON.stringify(definition).includes('"line":3'), JSON.stringify(definition));
    const change = await connection.sendRequest(lsp.RenameRequest.type, { ...place(4, 13), newName: 'WORD' });
    assert.equal(Object.values(change?.changes ?? {}).flat().length, 2);
});

test('code actions', async () => {
    const actions = await connection.sendRequest(lsp.CodeActionRequest.type, {
        textDocument: { uri: at('Dockerfile') },
        range: { start: { line: 0, character: 0 }, end: { line: 6, character: 0 } },
        context: { diagnostics: [] },
    });
    const titles = (actions ?? []).map((it) => it.title);
    for (const wanted of ['Replace by `RUN`', 'Skip FromAsCasing here', 'Fix all that can be fixed safely']) {
        assert.ok(titles.includes(wanted), `${wanted}: ${titles}`);
    }
});

test('formatting', async () => {
    await open('web.Dockerfile', 'dockerfile', 'from  scratch\nRUN true\ncopy  data.txt /\n');
    const edits = await connection.sendRequest(lsp.DocumentFormattingRequest.type, {
        textDocument: { uri: at('web.Dockerfile') },
        options: { tabSize: 4, insertSpaces: true },
    });
    assert.deepEqual((edits ?? []).map((it) => it.newText.trim()).sort(), ['COPY data.txt /', 'FROM scratch']);
});

test('.dockerignore', async () => {
    const found = await open('.dockerignore', 'ignore', '# all\n*.txt\nnothing\n');
    assert.deepEqual(found.map((it) => [it.code, it.range.start.line]), [['unused-pattern', 2]]);
});
