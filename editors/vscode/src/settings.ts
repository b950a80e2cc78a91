// What the settings say.

import * as os from 'node:os';
import * as vscode from 'vscode';

/** How the server is to be started. */
export interface Settings {
    /** A name for the PATH, or a path. */
    readonly path: string;
    /** What is added to the environment. */
    readonly env: Readonly<Record<string, string>>;
    /** How many crashes within three minutes are forgiven. */
    readonly restarts: number;
}

/** The settings that only a new server hears of. */
export const OF_START = ['dfc.path', 'dfc.env', 'dfc.restarts'];

export function read(): Settings {
    const settings = vscode.workspace.getConfiguration('dfc');
    const path = settings.get('path', 'dfc').trim();
    return {
        path: expanded(path === '' ? 'dfc' : path),
        env: settings.get('env', {}),
        restarts: settings.get('restarts', 4),
    };
}

function expanded(path: string): string {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const inFolder = folder === undefined ? path : path.replaceAll('${workspaceFolder}', folder);
    return inFolder.replace(/^~(?=[/\\]|$)/, os.homedir());
}
