// What VS Code calls: the server starts with the first file that it is for, and the commands work.

import * as vscode from 'vscode';
import { DocumentFormattingRequest } from 'vscode-languageclient/node';

import * as files from './files';
import * as pages from './pages';
import { Server } from './server';
import * as settings from './settings';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
    const started = new Server();
    server = started;
    const command = vscode.commands.registerCommand;
    context.subscriptions.push(
        started,
        pages.register(),
        command('dfc.restart', () => started.restart()),
        command('dfc.showOutput', () => started.output.show(true)),
        command('dfc.format', () => format(started)),
        command('dfc.openRule', (name?: unknown) => openRule(name)),
        command('dfc.explain', () => explain()),
        vscode.workspace.onDidOpenTextDocument((document) => {
            if (files.isOurs(document)) {
                void started.start();
            }
        }),
        vscode.workspace.onDidChangeConfiguration((change) => {
            if (settings.OF_START.some((name) => change.affectsConfiguration(name))) {
                void started.renew();
            }
        }),
    );
    if (vscode.workspace.textDocuments.some(files.isOurs)) {
        await started.start();
    }
}

export async function deactivate(): Promise<void> {
    await server?.stop();
    server = undefined;
}

/** Formats the file at hand, whichever formatter the editor would take. */
async function format(server: Server): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const client = server.running;
    if (editor?.document.languageId !== 'dockerfile' || client === undefined) {
        const why = client === undefined ? 'dfc is not running.' : 'dfc formats Dockerfiles.';
        void vscode.window.showInformationMessage(why);
        return;
    }
    const { document, options } = editor;
    const found = await client.sendRequest(DocumentFormattingRequest.type, {
        textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(document),
        options: { tabSize: Number(options.tabSize), insertSpaces: Boolean(options.insertSpaces) },
    });
    if (!found?.length && hasErrors(document)) {
        void vscode.window.showInformationMessage('A file with errors is not formatted.');
    }
    const change = new vscode.WorkspaceEdit();
    change.set(document.uri, (await client.protocol2CodeConverter.asTextEdits(found)) ?? []);
    await vscode.workspace.applyEdit(change);
}

function hasErrors(document: vscode.TextDocument): boolean {
    const found = vscode.languages.getDiagnostics(document.uri);
    return found.some((it) => it.source === 'dfc' && it.severity === vscode.DiagnosticSeverity.Error);
}

async function openRule(name: unknown): Promise<void> {
    const chosen = typeof name === 'string' ? name : await chooseRule();
    if (chosen !== undefined) {
        await pages.showRule(chosen);
    }
}

/** The rule at the cursor; where there are more, or none, the one that the user picks. */
async function chooseRule(): Promise<string | undefined> {
    const editor = vscode.window.activeTextEditor;
    const here = editor ? pages.rulesAt(editor.document.uri, editor.selection) : [];
    if (here.length === 1) {
        return here[0];
    }
    const choice = here.length > 1 ? here.map((label) => ({ label })) : pages.rules();
    const picked = await vscode.window.showQuickPick(choice, { placeHolder: 'The rule whose page to open' });
    return picked?.label;
}

async function explain(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId === 'dockerfile' && editor.document.uri.scheme === 'file') {
        await pages.showStep(editor.document.uri, editor.selection.active.line + 1);
    }
}
