// The language server: started when a file needs it, started anew, and what is told of it.

import * as vscode from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';
import type { LanguageClientOptions, ServerOptions } from 'vscode-languageclient/node';

import * as files from './files';
import * as pages from './pages';
import * as program from './program';
import * as settings from './settings';

/** The server's client, of which there is one at a time. */
export class Server implements vscode.Disposable {
    readonly output = vscode.window.createOutputChannel('dfc');
    private readonly status = vscode.languages.createLanguageStatusItem('dfc', files.SELECTOR);
    private client: LanguageClient | undefined;
    private queue: Promise<unknown> = Promise.resolve();
    private isWanted = false;

    constructor() {
        this.status.name = 'dfc';
        this.status.command = { title: 'Restart', command: 'dfc.restart' };
        this.say('dfc is not running', vscode.LanguageStatusSeverity.Information);
    }

    /** The client, if the server runs. */
    get running(): LanguageClient | undefined {
        return this.client?.isRunning() ? this.client : undefined;
    }

    /** Starts the server if it was not asked for before. */
    start(): Promise<void> {
        return this.isWanted ? this.settled() : this.restart();
    }

    /** Starts the server, or another one in the place of the one that there is. */
    restart(): Promise<void> {
        this.isWanted = true;
        return this.next(async () => {
            await this.end();
            await this.begin();
        });
    }

    /** Starts the server anew if it was asked for: the settings have changed. */
    renew(): Promise<void> {
        return this.isWanted ? this.restart() : this.settled();
    }

    /** Stops the server. */
    stop(): Promise<void> {
        this.isWanted = false;
        return this.next(() => this.end());
    }

    dispose(): void {
        this.status.dispose();
        this.output.dispose();
    }

    /** One thing after the other: a server that is not up yet cannot be stopped. */
    private next(task: () => Promise<void>): Promise<void> {
        const done = this.queue.then(task);
        this.queue = done.catch(() => undefined);
        return done;
    }

    private settled(): Promise<void> {
        return this.next(() => Promise.resolve());
    }

    private async begin(): Promise<void> {
        const wanted = settings.read();
        this.status.busy = true;
        try {
            const version = await program.version(wanted);
            this.output.appendLine(`dfc ${version}: ${wanted.path}`);
            this.client = client(wanted, this.output);
            await this.client.start();
            this.say(`dfc ${version}`, vscode.LanguageStatusSeverity.Information);
        } catch (error) {
            await this.end();
            const why = error instanceof Error ? error.message : String(error);
            this.say('dfc is not running', vscode.LanguageStatusSeverity.Error, why);
            this.output.appendLine(why);
            // Nobody waits for what the user answers.
            void this.offer(why);
        } finally {
            this.status.busy = false;
        }
    }

    private async end(): Promise<void> {
        const client = this.client;
        this.client = undefined;
        try {
            await client?.dispose();
        } catch {
            // It has crashed, or never was: gone either way.
        }
    }

    private async offer(why: string): Promise<void> {
        const [open, again, output] = ['Open Settings', 'Try Again', 'Show Output'];
        const chosen = await vscode.window.showErrorMessage(why, open, again, output);
        if (chosen === open) {
            await vscode.commands.executeCommand('workbench.action.openSettings', 'dfc.path');
        } else if (chosen === again) {
            await this.restart();
        } else if (chosen === output) {
            this.output.show(true);
        }
    }

    private say(text: string, severity: vscode.LanguageStatusSeverity, detail?: string): void {
        this.status.text = text;
        this.status.severity = severity;
        this.status.detail = detail;
    }
}

function client(wanted: settings.Settings, output: vscode.OutputChannel): LanguageClient {
    const env = { ...process.env, ...wanted.env };
    const server: ServerOptions = {
        command: wanted.path,
        args: ['lsp'],
        transport: TransportKind.stdio,
        options: { env },
    };
    const options: LanguageClientOptions = {
        documentSelector: files.SELECTOR,
        outputChannel: output,
        connectionOptions: { maxRestartCount: wanted.restarts },
        synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher(files.WATCHED) },
        middleware: {
            handleDiagnostics: (uri, found, next) => next(uri, found.map(pages.linked)),
            provideDiagnostics: async (document, previous, token, next) => {
                const report = await next(document, previous, token);
                return report && 'items' in report
                    ? { ...report, items: report.items.map(pages.linked) }
                    : report;
            },
        },
    };
    return new LanguageClient('dfc', 'dfc', server, options);
}
