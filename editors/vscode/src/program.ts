// The program `dfc`: running it, and whether it is one that this extension can work with.

import { execFile } from 'node:child_process';

import type { Settings } from './settings';

/** The oldest version with all that this extension asks for. */
export const OLDEST = '0.1.0';

/** That the program cannot be used, in words for the user. */
export class Unusable extends Error {}

/** How a call ended. */
export interface Done {
    /** The exit status; null if the program was ended by a signal. */
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

/** Runs the program to its end; throws if it cannot be started, or needs more than `seconds`. */
export function run(settings: Settings, args: string[], seconds: number, cwd?: string): Promise<Done> {
    const env = { ...process.env, ...settings.env };
    const options = { env, cwd, timeout: seconds * 1000, maxBuffer: 16 << 20, windowsHide: true };
    return new Promise((resolve, reject) => {
        execFile(settings.path, args, options, (error, stdout, stderr) => {
            if (error === null) {
                resolve({ status: 0, stdout, stderr });
            } else if (error.killed) {
                reject(new Unusable(`\`${settings.path} ${args[0]}\` does not come to an end.`));
            } else if (typeof error.code === 'string') {
                reject(new Unusable(cannotStart(settings.path, error.code)));
            } else {
                resolve({ status: error.code ?? null, stdout, stderr });
            }
        });
    });
}

/** The program's version; throws if it is none that can be used. */
export async function version(settings: Settings): Promise<string> {
    const done = await run(settings, ['--version'], 20);
    const found = /^dfc (\d+\.\d+\.\d+\S*)/.exec(done.stdout)?.[1];
    if (done.status !== 0 || found === undefined) {
        throw new Unusable(`\`${settings.path}\` is another program than dfc. The setting dfc.path says which one is started.`);
    }
    if (isOlder(found, OLDEST)) {
        throw new Unusable(`\`${settings.path}\` is dfc ${found}, and this extension needs ${OLDEST} or a newer one. Update it, or say in the setting dfc.path where a newer one is.`);
    }
    return found;
}

function cannotStart(path: string, code: string): string {
    switch (code) {
        case 'ENOENT':
            return /[/\\]/.test(path)
                ? `There is no \`${path}\`. The setting dfc.path says where dfc is.`
                : `\`${path}\` is not on the PATH. Install dfc, or say in the setting dfc.path where it is.`;
        case 'EACCES':
            return `\`${path}\` may not be executed. The setting dfc.path says where dfc is.`;
        default:
            return `\`${path}\` cannot be started (${code}). The setting dfc.path says where dfc is.`;
    }
}

function isOlder(found: string, wanted: string): boolean {
    const numbers = (text: string) => text.split(/[-+]/, 1)[0].split('.').map(Number);
    const [a, b] = [numbers(found), numbers(wanted)];
    const at = a.findIndex((number, place) => number !== b[place]);
    return at >= 0 && a[at] < b[at];
}
