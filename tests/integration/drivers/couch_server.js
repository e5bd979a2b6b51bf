// A server that speaks CouchDB's protocol and is not ours: PouchDB's, with its databases in files, so that it can be restarted.
// Says {"port": N} on standard output when it listens.
//
// usage: node couch_server.js MODULES_DIR FOLDER [PORT]
'use strict';

const path = require('path');
const [modules, folder, port] = process.argv.slice(2);
const load = (name) => {
  const loaded = require(path.join(modules, name));
  return loaded.default || loaded;
};

const PouchDB = load('pouchdb-core');
for (const plugin of ['pouchdb-adapter-leveldb', 'pouchdb-mapreduce', 'pouchdb-replication', 'pouchdb-adapter-http']) {
  PouchDB.plugin(load(plugin));
}
const couch = load('express-pouchdb')(PouchDB.defaults({adapter: 'leveldb', prefix: folder + path.sep}), {
  configPath: path.join(folder, 'config.json'),
  logPath: path.join(folder, 'log.txt'),
});
const server = load('express')().use('/', couch).listen(Number(port) || 0, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({port: server.address().port}) + '\n');
});
