"""One driver per client, by the names of client_table.txt."""

from drivers import bun, npm, pnpm, pnpm_before_11, yarn_berry, yarn_classic

BY_NAME = {
    "npm12": npm.Npm12,
    "npm11": npm.Npm11,
    "npm10": npm.Npm10,
    "npm9": npm.Npm9,
    "npm6": npm.Npm6,
    "pnpm12": pnpm.Pnpm12,
    "pnpm11": pnpm.Pnpm11,
    "pnpm10": pnpm_before_11.Pnpm10,
    "pnpm9": pnpm_before_11.Pnpm9,
    "yarn1": yarn_classic.YarnClassic,
    "yarn4": yarn_berry.YarnBerry,
    "bun": bun.Bun,
}
