// As much of VS Code as the extension and its language client use, without a window. Loading this file makes it the
// module `vscode`. What no test looks at is made up: any other name of the module is an empty class.

import * as fs from 'node:fs';
import Module from 'node:module';
import * as url from 'node:url';

type Listener<T> = (event: T) => unknown;

export class Disposable {
    constructor(private readonly end: () => unknown = () => undefined) {}
    static from(...all: { dispose(): unknown }[]): Disposable {
        return new Disposable(() => all.forEach((it) => it.dispose()));
    }
    dispose(): void {
        this.end();
    }
}

export class EventEmitter<T> {
    private readonly listeners = new Set<Listener<T>>();
    readonly event = (listener: Listener<T>, self?: unknown, all?: Disposable[]): Disposable => {
        const heard: Listener<T> = (event) => listener.call(self, event);
        this.listeners.add(heard);
        const disposable = new Disposable(() => this.listeners.delete(heard));
        all?.push(disposable);
        return disposable;
    };
    fire(event: T): void {
        [...this.listeners].forEach((listener) => listener(event));
    }
    dispose(): void {
        this.listeners.clear();
    }
}

export class Uri {
    private constructor(
        readonly scheme: string,
        readonly path: string,
        readonly query = '',
        readonly fragment = '',
        readonly authority = '',
    ) {}
    static file(path: string): Uri {
        return new Uri('file', path);
    }
    static from(parts: { scheme: string; path: string; query?: string; fragment?: string }): Uri {
        return new Uri(parts.scheme, parts.path, parts.query, parts.fragment);
    }
    static parse(text: string): Uri {
        const { protocol, pathname, search, hash } = new URL(text);
        const [query, fragment] = [search, hash].map((it) => decodeURIComponent(it.slice(1)));
        return new Uri(protocol.slice(0, -1), decodeURIComponent(pathname), query, fragment);
    }
    get fsPath(): string {
        return this.path;
    }
    toString(): string {
        const file = url.pathToFileURL(this.path).href;
        return this.scheme === 'file' ? file : `${this.scheme}:${encodeURI(this.path)}`;
    }
}

export class Position {
    constructor(readonly line: number, readonly character: number) {}
    isAfter(other: Position): boolean {
        return this.line > other.line || (this.line === other.line && this.character > other.character);
    }
}

export class Range {
    readonly start: Position;
    readonly end: Position;
    constructor(start: Position | number, end: Position | number, line?: number, character?: number) {
        const isPlaces = typeof start === 'object' && typeof end === 'object';
        this.start = isPlaces ? start : new Position(Number(start), Number(end));
        this.end = isPlaces ? end : new Position(Number(line), Number(character));
    }
    intersection(other: Range): Range | undefined {
        const start = this.start.isAfter(other.start) ? this.start : other.start;
        const end = this.end.isAfter(other.end) ? other.end : this.end;
        return start.isAfter(end) ? undefined : new Range(start, end);
    }
}

export class Selection extends Range {
    get active(): Position {
        return this.end;
    }
}

export class Diagnostic {
    code: unknown;
    source: string | undefined;
    constructor(readonly range: Range, readonly message: string, readonly severity: number) {}
}

export class CancellationTokenSource {
    readonly token = { isCancellationRequested: false, onCancellationRequested: new EventEmitter<void>().event };
    cancel(): void {
        this.token.isCancellationRequested = true;
    }
    dispose(): void {}
}

export class MarkdownString {
    isTrusted = false;
    constructor(public value = '') {}
}

export class Hover {
    constructor(readonly contents: MarkdownString, readonly range?: Range) {}
}

export class CompletionItem {
    constructor(readonly label: string | { label: string }) {}
}

export class TextEdit {
    constructor(readonly range: Range, readonly newText: string) {}
}

export class WorkspaceEdit {
    readonly all: [Uri, TextEdit[]][] = [];
    set(uri: Uri, edits: TextEdit[]): void {
        this.all.push([uri, edits]);
    }
    replace(uri: Uri, range: Range, text: string): void {
        this.set(uri, [new TextEdit(range, text)]);
    }
    createFile(): void {}
    renameFile(): void {}
    deleteFile(): void {}
}

export class CodeActionKind {
    static readonly Empty = new CodeActionKind('');
    static readonly QuickFix = new CodeActionKind('quickfix');
    static readonly Refactor = new CodeActionKind('refactor');
    static readonly RefactorExtract = new CodeActionKind('refactor.extract');
    static readonly RefactorInline = new CodeActionKind('refactor.inline');
    static readonly RefactorRewrite = new CodeActionKind('refactor.rewrite');
    static readonly Source = new CodeActionKind('source');
    static readonly SourceOrganizeImports = new CodeActionKind('source.organizeImports');
    constructor(readonly value: string) {}
    append(part: string): CodeActionKind {
        return new CodeActionKind(this.value === '' ? part : `${this.value}.${part}`);
    }
}

export class CodeAction {
    edit: WorkspaceEdit | undefined;
    diagnostics: Diagnostic[] | undefined;
    constructor(readonly title: string, public kind?: CodeActionKind) {}
}

export class TabInputText {
    constructor(readonly uri: Uri) {}
}

export class Document {
    version = 1;
    readonly isClosed = false;
    constructor(readonly uri: Uri, readonly languageId: string, private text: string) {}
    get lineCount(): number {
        return this.text.split('\n').length;
    }
    getText(): string {
        return this.text;
    }
    offsetAt(place: Position): number {
        const before = this.text.split('\n').slice(0, place.line);
        return before.reduce((sum, line) => sum + line.length + 1, 0) + place.character;
    }
    replace(range: Range, text: string): void {
        this.text = this.text.slice(0, this.offsetAt(range.start)) + text + this.text.slice(this.offsetAt(range.end));
        this.version += 1;
    }
}

/** What a test sets, and what it looks at. */
export const editor = {
    settings: new Map<string, unknown>(),
    /** What the user was told. */
    messages: [] as string[],
    /** What the user answers, if asked. */
    answer: undefined as string | undefined,
    /** Commands of the editor itself that were called. */
    called: [] as unknown[][],
    output: '',
    status: { text: '', detail: undefined as string | undefined, dispose() {} },
    commands: new Map<string, (...args: unknown[]) => unknown>(),
    /** By the function that they were registered with. */
    providers: new Map<string, any>(),
    diagnostics: new Map<string, Diagnostic[]>(),
    tabs: new EventEmitter<{ opened: unknown[]; closed: unknown[]; changed: unknown[] }>(),
    opened: new EventEmitter<Document>(),
    closed: new EventEmitter<Document>(),
    changed: new EventEmitter<unknown>(),
    configured: new EventEmitter<{ affectsConfiguration(name: string): boolean }>(),
    documents: [] as Document[],
    shown: [] as Uri[],
    active: undefined as { document: Document; selection: Selection; options: object } | undefined,

    open(path: string, languageId: string): Document {
        const document = new Document(Uri.file(path), languageId, fs.readFileSync(path, 'utf8'));
        // The tab comes before the document, as in VS Code.
        this.shown.push(document.uri);
        this.tabs.fire({ opened: [document.uri], closed: [], changed: [] });
        this.documents.push(document);
        this.active = { document, selection: new Selection(0, 0, 0, 0), options: { tabSize: 4, insertSpaces: true } };
        this.opened.fire(document);
        return document;
    },
    edit(document: Document, edits: TextEdit[]): void {
        const last = [...edits].sort((a, b) => (a.range.start.isAfter(b.range.start) ? -1 : 1));
        const contentChanges = last.map(({ range, newText }) => {
            const rangeOffset = document.offsetAt(range.start);
            const rangeLength = document.offsetAt(range.end) - rangeOffset;
            return { range, rangeOffset, rangeLength, text: newText };
        });
        last.forEach(({ range, newText }) => document.replace(range, newText));
        this.changed.fire({ document, contentChanges, reason: undefined });
    },
    set(name: string, value: unknown): void {
        this.settings.set(name, value);
        this.configured.fire({ affectsConfiguration: (it) => name === it || name.startsWith(`${it}.`) });
    },
    /** Waits until the diagnostics of a file are as wanted. */
    async until(path: string, wanted: (found: Diagnostic[]) => boolean): Promise<Diagnostic[]> {
        const found = () => this.diagnostics.get(Uri.file(path).toString()) ?? [];
        for (let rounds = 0; rounds < 600; rounds += 1) {
            if (wanted(found())) {
                return found();
            }
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        throw new Error(`not as wanted: ${JSON.stringify(found())}\n${this.output}`);
    },
};

function message(text: string): Promise<string | undefined> {
    editor.messages.push(text);
    return Promise.resolve(editor.answer);
}

const silent = () => new EventEmitter<unknown>().event;
const keep = (name: string) => (...args: unknown[]) => {
    const provider = args.find((it) => typeof it === 'object' && it !== null && Object.keys(it).some((key) => /^(provide|resolve|prepare)/.test(key)));
    editor.providers.set(name === 'registerTextDocumentContentProvider' ? String(args[0]) : name, provider);
    return new Disposable(() => editor.providers.delete(name));
};

/** Any name that is not there gives what `missing` makes of it. */
function filled<T extends object>(known: T, missing: (name: string) => unknown): T {
    const made = new Map<string, unknown>();
    return new Proxy(known, {
        get(target, name) {
            if (name in target || typeof name === 'symbol') {
                return Reflect.get(target, name) as unknown;
            }
            if (!made.has(name)) {
                made.set(name, missing(name));
            }
            return made.get(name);
        },
    });
}

const workspace = filled(
    {
        workspaceFolders: undefined,
        notebookDocuments: [],
        onDidOpenTextDocument: editor.opened.event,
        onDidCloseTextDocument: editor.closed.event,
        onDidChangeTextDocument: editor.changed.event,
        onDidChangeConfiguration: editor.configured.event,
        get textDocuments() {
            return editor.documents;
        },
        getWorkspaceFolder: () => undefined,
        getConfiguration: (section: string) => ({
            get: (name: string, usual?: unknown) => editor.settings.get(`${section}.${name}`) ?? usual,
        }),
        createFileSystemWatcher: () =>
            filled({ dispose() {} }, () => silent()),
        registerTextDocumentContentProvider: keep('registerTextDocumentContentProvider'),
        applyEdit(change: WorkspaceEdit) {
            for (const [uri, edits] of change.all) {
                const document = editor.documents.find((it) => it.uri.toString() === uri.toString());
                if (document !== undefined) {
                    editor.edit(document, edits);
                }
            }
            return Promise.resolve(true);
        },
        async openTextDocument(uri: Uri) {
            const text: string = await editor.providers.get(uri.scheme).provideTextDocumentContent(uri);
            return new Document(uri, 'plaintext', text);
        },
    },
    silent,
);

const window = filled(
    {
        tabGroups: {
            get all() {
                return [{ tabs: editor.shown.map((uri) => ({ input: new TabInputText(uri) })) }];
            },
            onDidChangeTabs: editor.tabs.event,
        },
        get activeTextEditor() {
            return editor.active;
        },
        createOutputChannel: () => ({
            append: (text: string) => (editor.output += text),
            appendLine: (text: string) => (editor.output += `${text}\n`),
            show: () => editor.called.push(['output']),
            dispose() {},
        }),
        showErrorMessage: message,
        showWarningMessage: message,
        showInformationMessage: message,
        showQuickPick: async (items: unknown) => (await (items as Promise<unknown[]>))[0],
        showTextDocument: (document: Document) => {
            editor.called.push(['show', document.uri.toString(), document.getText()]);
            return Promise.resolve();
        },
    },
    silent,
);

/** The score that VS Code gives is never looked at, only whether there is one. */
function match(selector: unknown, document: Document): number {
    const filters = [selector].flat() as { scheme?: string; language?: string; pattern?: string }[];
    const fits = filters.some(({ scheme, language, pattern }) => {
        const byName = pattern === undefined || /\.(docker|container)ignore$/.test(document.uri.path);
        return [undefined, document.uri.scheme].includes(scheme) && [undefined, document.languageId].includes(language) && byName;
    });
    return fits ? 10 : 0;
}

const languages = filled(
    {
        match,
        createLanguageStatusItem: () => editor.status,
        getDiagnostics: (uri: Uri) => editor.diagnostics.get(uri.toString()) ?? [],
        createDiagnosticCollection: () => ({
            name: 'dfc',
            set: (uri: Uri, found: Diagnostic[]) => editor.diagnostics.set(uri.toString(), found),
            delete: (uri: Uri) => editor.diagnostics.delete(uri.toString()),
            has: (uri: Uri) => editor.diagnostics.has(uri.toString()),
            clear: () => editor.diagnostics.clear(),
            dispose: () => editor.diagnostics.clear(),
        }),
    },
    keep,
);

const commands = {
    registerCommand(name: string, command: (...args: unknown[]) => unknown) {
        editor.commands.set(name, command);
        return new Disposable(() => editor.commands.delete(name));
    },
    executeCommand(name: string, ...args: unknown[]) {
        const own = editor.commands.get(name);
        editor.called.push([name, ...args]);
        return Promise.resolve(own?.(...args));
    },
};

const names = <T extends string>(...all: T[]) =>
    Object.fromEntries(all.flatMap((name, value) => [[name, value], [value, name]]));

const vscode = filled(
    {
        version: '1.82.0',
        env: { language: 'en', appName: 'test', openExternal: () => Promise.resolve(true) },
        workspace, window, languages, commands,
        Disposable, EventEmitter, Uri, Position, Range, Selection, Diagnostic, CancellationTokenSource, MarkdownString,
        Hover, CompletionItem, TextEdit, WorkspaceEdit, CodeActionKind, CodeAction, TabInputText,
        CancellationError: class extends Error {},
        DiagnosticSeverity: names('Error', 'Warning', 'Information', 'Hint'),
        LanguageStatusSeverity: names('Information', 'Warning', 'Error'),
        DiagnosticTag: { Unnecessary: 1, Deprecated: 2 },
        ViewColumn: { Beside: -2 },
    },
    () => class {},
);

const loader = Module as unknown as { _load(name: string, ...rest: unknown[]): unknown };
const load = loader._load;
loader._load = (name, ...rest) => (name === 'vscode' ? vscode : load.call(Module, name, ...rest));
