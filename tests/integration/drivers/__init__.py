"""One driver per client, by the names of client_table.txt."""

from drivers import bun, npm, pnpm, yarn_berry, yarn_classic

BY_NAME = {
    "npm12": npm.Npm12,
    "npm10": npm.Npm10,
    "npm6": npm.Npm6,
    "pnpm": pnpm.Pnpm,
    "yarn1": yarn_classic.YarnClassic,
    "yarn4": yarn_berry.YarnBerry,
    "bun": bun.Bun,
}
