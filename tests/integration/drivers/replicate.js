// Replicates a registry into a PouchDB in memory, then follows it live. Spoken to in lines of JSON on standard output:
// {"copied": N} after the first pass, {"seen": id} for each document that arrives later. Ends when standard input does.
//
// usage: node replicate.js MODULES_DIR REGISTRY_URL [TOKEN]
'use strict';

const path = require('path');
const [modules, url, token] = process.argv.slice(2);
const load = (name) => require(path.join(modules, name));

const PouchDB = load('pouchdb-core');
for (const plugin of ['pouchdb-adapter-http', 'pouchdb-adapter-memory', 'pouchdb-replication']) {
  const loaded = load(plugin);
  PouchDB.plugin(loaded.default || loaded);
}

const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');
const headers = token ? {Authorization: `Bearer ${token}`} : {};
const source = new PouchDB(url, {
  skip_setup: true,
  fetch: (target, options) => {
    for (const [name, value] of Object.entries(headers)) options.headers.set(name, value);
    return PouchDB.fetch(target, options);
  },
});
const target = new PouchDB('copy', {adapter: 'memory'});

async function compare() {
  const copied = await target.allDocs({include_docs: true, conflicts: true});
  const original = await source.allDocs({include_docs: true});
  const byId = new Map(original.rows.map((row) => [row.id, row.doc]));
  for (const row of copied.rows) {
    const doc = byId.get(row.id);
    const same = doc && doc._rev === row.doc._rev && JSON.stringify(doc.versions) === JSON.stringify(row.doc.versions);
    if (!same) throw new Error(`${row.id} is not as in the registry`);
    if (row.doc._conflicts) throw new Error(`${row.id} has conflicts: ${row.doc._conflicts}`);
  }
  if (copied.rows.length !== original.rows.length) throw new Error('not all documents came over');
  return copied.rows.length;
}

async function main() {
  const first = await PouchDB.replicate(source, target);
  if (!first.ok || first.doc_write_failures) throw new Error(JSON.stringify(first));
  const again = await PouchDB.replicate(source, target);
  say({copied: await compare(), written: first.docs_written, written_again: again.docs_written});
  const live = PouchDB.replicate(source, target, {live: true, retry: true});
  live.on('change', (info) => {
    for (const doc of info.docs) say({seen: doc._id, rev: doc._rev, deleted: doc._deleted === true});
  });
  live.on('error', (error) => { throw error; });
  say({following: true});
  process.stdin.resume();
  process.stdin.on('end', async () => {
    live.cancel();
    say({copied: await compare()});
    process.exit(0);
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
