// Texts that dfc prints, shown as documents: the pages of rules, and what there is to say of a step.

import * as path from 'node:path';
import * as vscode from 'vscode';

import * as program from './program';
import * as settings from './settings';

const RULE = 'dfc-rule';
const STEP = 'dfc-step';

/** Lets the editor open the documents. */
export function register(): vscode.Disposable {
    const rules = { provideTextDocumentContent: (uri: vscode.Uri) => printed(rule(uri)) };
    const changed = new vscode.EventEmitter<vscode.Uri>();
    shownAgain = changed;
    const steps = {
        onDidChange: changed.event,
        provideTextDocumentContent: (uri: vscode.Uri) => printed(step(uri)),
    };
    return vscode.Disposable.from(
        changed,
        vscode.workspace.registerTextDocumentContentProvider(RULE, rules),
        vscode.workspace.registerTextDocumentContentProvider(STEP, steps),
    );
}

let shownAgain: vscode.EventEmitter<vscode.Uri> | undefined;

/** A diagnostic whose code leads to the page of its rule. Codes of errors, which have no page, are in lower case. */
export function linked(found: vscode.Diagnostic): vscode.Diagnostic {
    const name = code(found);
    if (isRule(name)) {
        found.code = { value: name, target: ofRule(name) };
    }
    return found;
}

/** The rules that found something at a place. */
export function rulesAt(document: vscode.Uri, place: vscode.Range): string[] {
    const here = vscode.languages.getDiagnostics(document).filter(
        (found) => found.source === 'dfc' && found.range.intersection(place) !== undefined,
    );
    return [...new Set(here.map(code).filter(isRule))];
}

/** All rules, with what they do. */
export async function rules(): Promise<vscode.QuickPickItem[]> {
    const done = await program.run(settings.read(), ['check', '--list'], 20);
    const lines = done.stdout.split('\n').map((line) => /^(\w+)\s+(\w+)\s+(.*)$/.exec(line));
    return lines.flatMap((line) => (line ? [{ label: line[1], description: line[2], detail: line[3] }] : []));
}

/** Shows the page of a rule. */
export async function showRule(name: string): Promise<void> {
    await vscode.commands.executeCommand('markdown.showPreview', ofRule(name));
}

/** Shows what a build would do for a line of a Dockerfile, and why. Lines count from 1. */
export async function showStep(file: vscode.Uri, line: number): Promise<void> {
    const name = `/${path.basename(file.fsPath)}, line ${line}.txt`;
    const uri = vscode.Uri.from({ scheme: STEP, path: name, query: file.fsPath, fragment: String(line) });
    // What was shown before may not be true any more.
    shownAgain?.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
}

function code(found: vscode.Diagnostic): string {
    return String(typeof found.code === 'object' ? found.code.value : found.code);
}

function isRule(code: string): boolean {
    return /^[A-Z][A-Za-z]+$/.test(code);
}

function ofRule(name: string): vscode.Uri {
    return vscode.Uri.from({ scheme: RULE, path: `/${name}.md` });
}

function rule(uri: vscode.Uri): string[] {
    return ['check', '--explain', path.posix.basename(uri.path, '.md')];
}

function step(uri: vscode.Uri): string[] {
    return ['explain', '--file', uri.query, '--why', uri.fragment, path.dirname(uri.query)];
}

async function printed(args: string[]): Promise<string> {
    try {
        const done = await program.run(settings.read(), args, 120);
        return done.stdout + (done.status === 0 ? '' : done.stderr);
    } catch (error) {
        return error instanceof Error ? error.message : String(error);
    }
}
