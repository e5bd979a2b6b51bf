// The `tarn` command: reads the command line and the configuration, and hands over to one of http/cli.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "http/api/routes.h"
#include "http/cli/commands.h"
#include "http/cli/config.h"

extern char** environ;

namespace tarn::cli {
namespace {

std::vector<std::pair<std::string, std::string>> Environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// The flags that stand for settings, as they were given.
struct SettingFlags {
  std::string config_file;
  std::map<const Setting*, std::vector<std::string>> given;
};

// `--data` and `--config` everywhere; the rest of the table's flags for `serve`, which can use them.
void AddSettingFlags(CLI::App* command, SettingFlags* flags, bool all) {
  command->add_option("--config", flags->config_file, "TOML file; docs/configuration.md lists its keys");
  for (const Setting& setting : Settings()) {
    if (setting.flag.empty() || (!all && setting.flag != "--data")) continue;
    auto* option = command->add_option(setting.flag, flags->given[&setting], setting.description);
    if (setting.is_list)
      option->allow_extra_args(false);  // One value each time; the next word is something else.
    else
      option->expected(1);
    option->default_str(setting.default_text);
  }
}

Result<Config> LoadConfig(const SettingFlags& flags) {
  Config config;
  if (!flags.config_file.empty()) RETURN_IF_ERROR(ApplyFile(flags.config_file, &config));
  RETURN_IF_ERROR(ApplyEnvironment(Environment(), &config));
  for (const auto& [setting, values] : flags.given) {
    if (values.empty()) continue;
    std::string joined;
    for (const std::string& value : values) joined += (joined.empty() ? "" : ",") + value;
    RETURN_IF_ERROR(ApplyText(*setting, joined, &config).WithContext(setting->flag));
  }
  RETURN_IF_ERROR(CheckConfig(config));
  while (config.data.size() > 1 && config.data.ends_with('/')) config.data.pop_back();
  static const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::kDebug},
                                                         {"info", LogLevel::kInfo},
                                                         {"warning", LogLevel::kWarning},
                                                         {"error", LogLevel::kError}};
  SetLogLevel(levels.at(config.log_level));
  return config;
}

// Everything the command line can say. Kept alive while CLI11 parses into it.
struct CommandLine {
  SettingFlags flags;
  VerifyArguments verify;
  CollectArguments collect;
  UserArguments user;
  TokenArguments token;
  KeysArguments keys;
  AdvisoriesArguments advisories;
  HookArguments hook;
  ReplicationArguments replication;
  ImportArguments import;
  bool json = false;
  std::function<int(const Config&)> run;
};

void AddJson(CLI::App* command, CommandLine* line) {
  command->add_flag("--json", line->json, "Print JSON, for machines");
}

void AddServe(CLI::App* app, CommandLine* line) {
  auto* serve = app->add_subcommand("serve", "Run the registry");
  serve->footer(
      "Every setting that has no flag is a key of the configuration file and an environment variable; tarn config "
      "show\n"
      "lists them. SIGTERM and SIGINT end it in order.\n"
      "Exit status: 0 ended by a signal, 1 could not run, 2 wrong command line or configuration.\n"
      "Examples:\n"
      "  tarn serve --data ./tarn-data\n"
      "  tarn serve --config /etc/tarn.toml --listen 127.0.0.1:4873 --listen [::1]:4873\n"
      "  tarn serve --data /var/lib/tarn --listen :4873 --public-url https://npm.example.org/");
  AddSettingFlags(serve, &line->flags, true);
  serve->callback([line] { line->run = [](const Config& config) { return RunServe(config); }; });
}

void AddVerify(CLI::App* app, CommandLine* line) {
  auto* verify =
      app->add_subcommand("verify", "Re-read everything, of a running server or a stopped one, and report damage");
  verify->footer(
      "Exit status: 0 clean, 3 findings, 1 could not run, 2 wrong command line or configuration.\n"
      "A running server reads at a pace that leaves its disk to clients; what it finds is not served any more.\n"
      "Example: tarn verify --deep --data /var/lib/tarn");
  AddSettingFlags(verify, &line->flags, false);
  verify->add_flag("--deep", line->verify.deep, "Also compute every SHA-512 again");
  verify->add_option("--megabytes-per-second", line->verify.megabytes_per_second,
                     "Pace of a running server; default 50, 0 for none");
  AddJson(verify, line);
  verify->callback([line] {
    line->run = [line](const Config& config) {
      line->verify.output = line->json ? Output::kJson : Output::kText;
      return RunVerify(config, line->verify);
    };
  });
}

void AddCollect(CLI::App* app, CommandLine* line) {
  auto* gc = app->add_subcommand(
      "gc", "Give back the room of tarballs that nothing refers to any more; works with a running server and without");
  gc->footer(
      "Tarballs stay when their version is unpublished; this removes those that no version, staged version or "
      "imported\n"
      "file needs. Publishing goes on meanwhile. On a leader first; each follower gives its own room back.\n"
      "Exit status: 0 done, 3 some segments could not be swept (damage, or no room for a copy), 1 could not run, 2 "
      "wrong\n"
      "command line or configuration.\n"
      "Examples:\n"
      "  tarn gc --dry-run --data /var/lib/tarn\n"
      "  tarn gc --age-hours 1 --dead-percent 0 --data /var/lib/tarn");
  AddSettingFlags(gc, &line->flags, false);
  gc->add_flag("--dry-run", line->collect.dry_run, "Say what would be done, and do nothing");
  gc->add_option("--age-hours", line->collect.age_hours, "Keep what was uploaded or published since; default 24");
  gc->add_option("--dead-percent", line->collect.dead_percent,
                 "Leave segments alone of which less is dead; default 10, 0 takes all")
      ->check(CLI::Range(0, 100));
  AddJson(gc, line);
  gc->callback([line] {
    line->run = [line](const Config& config) {
      line->collect.output = line->json ? Output::kJson : Output::kText;
      return RunCollect(config, line->collect);
    };
  });
}

void AddUser(CLI::App* app, CommandLine* line) {
  auto* user = app->add_subcommand("user", "Accounts; works with a running server and without");
  user->require_subcommand(1);
  user->footer(
      "Examples:\n"
      "  tarn user add alice --admin --email alice@registry.example --data /var/lib/tarn\n"
      "  tarn user passwd alice --password-stdin < password\n"
      "  tarn user list --json");
  const auto add = [&](const char* name, const char* help, UserArguments::Action action, bool takes_name) {
    auto* command = user->add_subcommand(name, help);
    command->footer(std::string("Example: tarn user ") + name + (takes_name ? " alice" : "") + " --data /var/lib/tarn");
    AddSettingFlags(command, &line->flags, false);
    AddJson(command, line);
    if (takes_name) command->add_option("NAME", line->user.name, "User name")->required();
    command->callback([line, action] {
      line->user.action = action;
      line->run = [line](const Config& config) {
        line->user.output = line->json ? Output::kJson : Output::kText;
        return RunUser(config, line->user);
      };
    });
    return command;
  };
  auto* create = add("add", "Add an account", UserArguments::Action::kAdd, true);
  create->add_flag("--admin", line->user.admin, "May do everything on every package");
  create->add_option("--email", line->user.email, "E-mail address");
  create->add_flag("--password-stdin", line->user.password_stdin, "Read the password from standard input");
  auto* password = add("passwd", "Set a password", UserArguments::Action::kPassword, true);
  password->add_flag("--password-stdin", line->user.password_stdin, "Read the password from standard input");
  add("list", "List accounts", UserArguments::Action::kList, false);
  add("reset-second-factor", "Take the second factor from an account whose owner lost it",
      UserArguments::Action::kResetSecondFactor, true);
  add("remove", "Remove an account and its tokens", UserArguments::Action::kRemove, true);
}

void AddToken(CLI::App* app, CommandLine* line) {
  auto* token = app->add_subcommand("token", "Tokens; works with a running server and without");
  token->require_subcommand(1);
  token->footer(
      "Examples:\n"
      "  tarn token create ci --read-only --cidr 10.0.0.0/8 --expires-days 90 --data /var/lib/tarn\n"
      "  tarn token list ci\n"
      "  tarn token revoke KEY");
  const auto finish = [line](CLI::App* command, TokenArguments::Action action) {
    AddSettingFlags(command, &line->flags, false);
    AddJson(command, line);
    command->callback([line, action] {
      line->token.action = action;
      line->run = [line](const Config& config) {
        line->token.output = line->json ? Output::kJson : Output::kText;
        return RunToken(config, line->token);
      };
    });
  };
  auto* create = token->add_subcommand("create", "Make a token and print it, this once");
  create->add_option("USER", line->token.user, "Whose token")->required();
  create->add_option("--name", line->token.name, "A name for lists");
  auto* read_only = create->add_flag("--read-only", line->token.read_only, "May install, not publish");
  auto* publish_only =
      create->add_flag("--publish-only", line->token.publish_only, "May publish new versions, and no more");
  auto* stage_only = create->add_flag("--stage-only", line->token.stage_only,
                                      "May install, and put up versions that somebody else approves");
  read_only->excludes(publish_only)->excludes(stage_only);
  publish_only->excludes(stage_only);
  create->add_option("--package", line->token.packages, "Only this package, or @scope/begin-*; may be repeated")
      ->allow_extra_args(false);
  create->add_option("--scope", line->token.scopes, "Only packages of this scope, or of @begin-*; may be repeated")
      ->allow_extra_args(false);
  auto* org = create->add_option("--org", line->token.orgs, "Members and teams of this organisation; may be repeated")
                  ->allow_extra_args(false);
  create->add_option("--org-permission", line->token.orgs_permission, "With organisations: read-only or read-write")
      ->check(CLI::IsMember({"read-only", "read-write"}))
      ->needs(org);
  create->add_flag("--bypass-2fa", line->token.bypass_second_factor, "Writes packages without a one-time password");
  create->add_option("--cidr", line->token.cidrs, "Only from this network; may be repeated")->allow_extra_args(false);
  create->add_option("--expires-days", line->token.expires_days, "Ends after so many days; default: never")
      ->check(CLI::Range(1, 36500));
  create->footer(
      "With any of --publish-only, --stage-only, --package, --scope, --org and --bypass-2fa the token is limited: it\n"
      "changes no account, makes and lists no tokens, and needs a --name.\n"
      "Examples:\n"
      "  npm config set //registry.example/:_authToken \"$(tarn token create ci --read-only)\"\n"
      "  tarn token create ci --name release --publish-only --scope @acme --expires-days 90 --data /var/lib/tarn");
  finish(create, TokenArguments::Action::kCreate);
  auto* list = token->add_subcommand("list", "List a user's tokens");
  list->add_option("USER", line->token.user, "Whose tokens")->required();
  list->footer("Example: tarn token list ci --data /var/lib/tarn");
  finish(list, TokenArguments::Action::kList);
  auto* revoke = token->add_subcommand("revoke", "End a token at once");
  revoke->add_option("KEY", line->token.key, "The key from `tarn token list`, or the token itself")->required();
  revoke->footer("Example: tarn token revoke 5f0c… --data /var/lib/tarn");
  finish(revoke, TokenArguments::Action::kRevoke);
}

void AddKeys(CLI::App* app, CommandLine* line) {
  auto* keys =
      app->add_subcommand("keys", "The keys that versions are signed with; works with a running server and without");
  keys->require_subcommand(1);
  keys->footer("Example: tarn keys list --data /var/lib/tarn");
  const auto add = [&](const char* name, const char* help, KeysArguments::Action action) {
    auto* command = keys->add_subcommand(name, help);
    command->footer(std::string("Example: tarn keys ") + name + " --data /var/lib/tarn");
    AddSettingFlags(command, &line->flags, false);
    AddJson(command, line);
    command->callback([line, action] {
      line->keys.action = action;
      line->run = [line](const Config& config) {
        line->keys.output = line->json ? Output::kJson : Output::kText;
        return RunKeys(config, line->keys);
      };
    });
  };
  add("list", "List all keys that ever signed here", KeysArguments::Action::kList);
  add("rotate", "Sign with a new key from now on; what old keys signed stays valid", KeysArguments::Action::kRotate);
}

void AddAdvisories(CLI::App* app, CommandLine* line) {
  auto* advisories =
      app->add_subcommand("advisories", "What npm audit is answered from; works with a running server and without");
  advisories->require_subcommand(1);
  advisories->footer(
      "Examples:\n"
      "  tarn advisories import ./osv/npm --data /var/lib/tarn\n"
      "  tarn advisories list --package lodash\n"
      "  tarn advisories remove GHSA-xxxx-xxxx-xxxx");
  const auto finish = [line](CLI::App* command, AdvisoriesArguments::Action action) {
    AddSettingFlags(command, &line->flags, false);
    AddJson(command, line);
    command->callback([line, action] {
      line->advisories.action = action;
      line->run = [line](const Config& config) {
        line->advisories.output = line->json ? Output::kJson : Output::kText;
        return RunAdvisories(config, line->advisories);
      };
    });
  };
  auto* import = advisories->add_subcommand("import", "Import OSV documents: .json files, and folders of them");
  import->add_option("PATH", line->advisories.paths, "A file or a folder")->required();
  import->footer(
      "What is known already stays as it is, what is withdrawn goes. Importing the same again changes nothing.\n"
      "Exit status: 0 all taken, 1 some could not be (they are named), 2 wrong command line.\n"
      "Example: tarn advisories import ./osv/npm --data /var/lib/tarn");
  finish(import, AdvisoriesArguments::Action::kImport);
  auto* list = advisories->add_subcommand("list", "List advisories");
  list->add_option("--package", line->advisories.package, "Only those about this package");
  list->footer("Example: tarn advisories list --package lodash --data /var/lib/tarn");
  finish(list, AdvisoriesArguments::Action::kList);
  auto* remove = advisories->add_subcommand("remove", "Remove advisories; a later import brings them back");
  remove->add_option("ID", line->advisories.ids, "The id from the list")->required();
  remove->footer("Example: tarn advisories remove GHSA-xxxx-xxxx-xxxx --data /var/lib/tarn");
  finish(remove, AdvisoriesArguments::Action::kRemove);
}

void AddHook(CLI::App* app, CommandLine* line) {
  auto* hook = app->add_subcommand("hook", "Users' webhooks; works with a running server and without");
  hook->require_subcommand(1);
  hook->footer(
      "Examples:\n"
      "  tarn hook list --data /var/lib/tarn\n"
      "  tarn hook replay 0123456789abcdef0123 --from 1200\n"
      "  tarn hook remove 0123456789abcdef0123");
  const auto finish = [line](CLI::App* command, HookArguments::Action action) {
    AddSettingFlags(command, &line->flags, false);
    AddJson(command, line);
    command->callback([line, action] {
      line->hook.action = action;
      line->run = [line](const Config& config) {
        line->hook.output = line->json ? Output::kJson : Output::kText;
        return RunHook(config, line->hook);
      };
    });
  };
  auto* list = hook->add_subcommand("list", "List all hooks: where each is in the journal, and what its receiver said");
  list->footer("Example: tarn hook list --data /var/lib/tarn");
  finish(list, HookArguments::Action::kList);
  auto* replay = hook->add_subcommand("replay", "Send a hook's events once more, from a place in the journal");
  replay->add_option("ID", line->hook.id, "The id from the list")->required();
  replay->add_option("--from", line->hook.from_lsn, "The LSN to begin with; 1 is the beginning")->required();
  replay->footer("Example: tarn hook replay 0123456789abcdef0123 --from 1200 --data /var/lib/tarn");
  finish(replay, HookArguments::Action::kReplay);
  auto* remove = hook->add_subcommand("remove", "Remove a hook, whoever's it is");
  remove->add_option("ID", line->hook.id, "The id from the list")->required();
  remove->footer("Example: tarn hook remove 0123456789abcdef0123 --data /var/lib/tarn");
  finish(remove, HookArguments::Action::kRemove);
}

void AddReplication(CLI::App* app, CommandLine* line) {
  using Action = ReplicationArguments::Action;
  const auto finish = [line](CLI::App* command, Action action) {
    AddSettingFlags(command, &line->flags, false);
    AddJson(command, line);
    command->callback([line, action] {
      line->replication.action = action;
      line->run = [line](const Config& config) {
        line->replication.output = line->json ? Output::kJson : Output::kText;
        return RunReplication(config, line->replication);
      };
    });
  };
  auto* replication =
      app->add_subcommand("replication", "How this node and its peers are; works with a running server");
  replication->require_subcommand(1);
  replication->footer("Example: tarn replication status --data /var/lib/tarn");
  auto* status = replication->add_subcommand("status", "Role, epoch, LSN, hashes, lag, and each follower");
  status->footer("Example: tarn replication status --json --data /var/lib/tarn");
  finish(status, Action::kStatus);
  auto* divergence = replication->add_subcommand(
      "divergence", "Print what was set aside because the new leader did not have it (JSON)");
  divergence->footer("Example: tarn replication divergence --data /var/lib/tarn");
  finish(divergence, Action::kDivergence);
  auto* reapply = replication->add_subcommand(
      "reapply", "Apply what was set aside again, as far as nobody else has done something to the same");
  reapply->add_flag("--dry-run", line->replication.is_dry_run, "Say what would become of each record, and do nothing");
  reapply->footer(
      "Says of each record: reapplied, already there, or cannot and why. A second run changes nothing.\n"
      "Example: tarn replication reapply --dry-run --data /var/lib/tarn");
  finish(reapply, Action::kReapply);
  auto* promote = app->add_subcommand("promote", "Make a follower the leader, because its leader is gone");
  promote->add_flag("--accept-loss", line->replication.accept_loss,
                    "What the old leader acknowledged and this node does not have may be lost");
  promote->footer(
      "Says what may be lost, and does nothing until that is accepted. For a planned switch use `tarn demote`.\n"
      "Example: tarn promote --accept-loss --data /var/lib/tarn");
  finish(promote, Action::kPromote);
  auto* demote = app->add_subcommand("demote", "Hand the lead over to a follower, and follow it; nothing is lost");
  demote->add_option("--to", line->replication.url, "URL of the node that takes over")->required();
  demote->footer("Example: tarn demote --to https://west.registry.example/ --data /var/lib/tarn");
  finish(demote, Action::kDemote);
}

// What all importers can be told.
void AddImportOptions(CLI::App* command, CommandLine* line) {
  ImportArguments& arguments = line->import;
  AddSettingFlags(command, &line->flags, false);
  AddJson(command, line);
  command->add_option("--report", arguments.report, "Write what became of everything here, a JSON object a line");
  command->add_option("--ca-file", arguments.ca_file, "Certificates to trust, PEM; default: the system's");
  command->add_option("--tarballs", arguments.tarballs,
                      "Where tarballs are that SOURCE lacks: a folder, or the URL of a registry or CouchDB database");
  command->add_option("--package", arguments.only, "Only this package; may be repeated")->allow_extra_args(false);
  command->add_flag("--drop-orphans", arguments.drop_orphans, "Leave out files that are no version's tarball");
}

void AddCouchdbOptions(CLI::App* command, ImportArguments* arguments) {
  command->add_option("--users", arguments->users, "Where the accounts are: a _users database, or Verdaccio's htpasswd")
      ->allow_extra_args(false);
  command->add_option("--format", arguments->format, "What SOURCE is, when its first bytes do not say")
      ->check(CLI::IsMember({"auto", "json", "multipart", "couch"}))
      ->default_str("auto");
  command->add_option("--database", arguments->database, "Which database of a folder that holds several");
}

void AddVerdaccioOptions(CLI::App* command, ImportArguments* arguments) {
  command->add_option("--owner", arguments->owner, "Who maintains packages that name nobody");
  command->add_flag("--cached", arguments->with_cached, "Also packages that were only cached from another registry");
}

void AddRegistryOptions(CLI::App* command, ImportArguments* arguments) {
  command->add_option("--from", arguments->from, "A list of names (NAME or NAME@VERSION a line), or package-lock.json");
  command->add_option("--token-file", arguments->token_file,
                      "A file with the token for the registry; default: TARN_IMPORT_TOKEN");
}

void FinishImport(CLI::App* command, CommandLine* line, std::optional<ImportArguments::Kind> kind) {
  command->callback([line, kind] {
    line->run = [line, kind](const Config& config) {
      if (kind) line->import.kind = *kind;
      line->import.compare = !kind;
      line->import.output = line->json ? Output::kJson : Output::kText;
      return RunImport(config, line->import);
    };
  });
}

void AddImportVerify(CLI::App* import, CommandLine* line) {
  auto* verify = import->add_subcommand("verify", "Compare what was imported with its source");
  verify->footer(
      "Reads SOURCE whole, as an import does, and compares it with what is in the data directory: fields, versions and "
      "the\n"
      "bytes of tarballs. Writes nothing. Exit status: 0 the same, 3 something differs, 1 failed, 2 wrong command "
      "line.\n"
      "Examples:\n"
      "  tarn import verify all_docs.json.gz --data /var/lib/tarn\n"
      "  tarn import verify all_docs.json.gz --against http://127.0.0.1:4873\n"
      "  tarn import verify /verdaccio/storage --kind verdaccio --data /var/lib/tarn");
  AddImportOptions(verify, line);
  ImportArguments& arguments = line->import;
  verify->add_option("SOURCE", arguments.sources, "What was imported")->required();
  using Kind = ImportArguments::Kind;
  const std::map<std::string, Kind> kinds = {
      {"couchdb", Kind::kCouchdb}, {"verdaccio", Kind::kVerdaccio}, {"registry", Kind::kRegistry}};
  verify->add_option("--kind", arguments.kind, "What it was imported as: couchdb, verdaccio, registry")
      ->transform(CLI::CheckedTransformer(kinds).description(""));
  verify->add_option("--against", arguments.against,
                     "Compare with what this running registry serves, rather than with a data directory");
  verify->add_option("--against-token-file", arguments.against_token_file, "A file with a token for it");
  AddCouchdbOptions(verify, &arguments);
  AddVerdaccioOptions(verify, &arguments);
  AddRegistryOptions(verify, &arguments);
  FinishImport(verify, line, std::nullopt);
}

void AddImport(CLI::App* app, CommandLine* line) {
  auto* import = app->add_subcommand("import", "Move in from another registry; the server must be stopped");
  import->require_subcommand(1);
  import->footer("Example: tarn import couchdb registry.jsonl.gz --users users.json --data /var/lib/tarn");
  AddImportVerify(import, line);
  ImportArguments& arguments = line->import;
  const std::string again =
      "Killed or stopped at any point, the same command goes on. Run again, it changes nothing that is in already.\n"
      "Exit status: 0 all imported and nothing odd, 3 imported with findings, 1 failed, 2 wrong command line.\n";

  auto* couchdb = import->add_subcommand(
      "couchdb", "From a CouchDB: dumps, its own files, or the running server; docs/import.md says more");
  couchdb->footer(
      "SOURCE is a dump (_all_docs, _changes, couchbackup, multipart; also gzip or zstd; - is standard input), a "
      ".couch\n"
      "file, a folder of CouchDB's, or the URL of a database: http://USER:PASSWORD@HOST:5984/registry\n" +
      again +
      "Examples:\n"
      "  tarn import couchdb --dry-run all_docs.json.gz --data /var/lib/tarn\n"
      "  tarn import couchdb backup.txt --users users-backup.txt --report import.jsonl --data /var/lib/tarn\n"
      "  tarn import couchdb http://couch.example:5984/registry --follow --data /var/lib/tarn");
  AddImportOptions(couchdb, line);
  AddCouchdbOptions(couchdb, &arguments);
  couchdb->add_option("SOURCE", arguments.sources, "Where the packages are")->required();
  couchdb->add_flag("--dry-run", arguments.dry_run, "Read and check everything, and write nothing");
  couchdb->add_flag("--follow", arguments.follow, "Keep going with what changes at the source, until interrupted");
  couchdb->add_flag("--from-start", arguments.from_start, "Read a live source from its beginning once more");
  FinishImport(couchdb, line, ImportArguments::Kind::kCouchdb);

  auto* verdaccio = import->add_subcommand("verdaccio", "From the storage folder of a Verdaccio");
  verdaccio->footer(
      again + "Example: tarn import verdaccio /verdaccio/storage --users /verdaccio/htpasswd --data /var/lib/tarn");
  AddImportOptions(verdaccio, line);
  AddVerdaccioOptions(verdaccio, &arguments);
  verdaccio->add_option("SOURCE", arguments.sources, "The folder with .verdaccio-db.json")->required();
  verdaccio->add_option("--users", arguments.users, "Its htpasswd file")->allow_extra_args(false);
  verdaccio->add_flag("--dry-run", arguments.dry_run, "Read and check everything, and write nothing");
  FinishImport(verdaccio, line, ImportArguments::Kind::kVerdaccio);

  auto* registry = import->add_subcommand("registry", "Packages of any registry that speaks npm's protocol, by name");
  registry->footer(again +
                   "Examples:\n"
                   "  tarn import registry https://registry.example --from package-lock.json --data /var/lib/tarn\n"
                   "  tarn import registry https://registry.example --package left-pad --data /var/lib/tarn");
  AddImportOptions(registry, line);
  AddRegistryOptions(registry, &arguments);
  registry->add_option("SOURCE", arguments.sources, "The URL of the registry")->required()->expected(1);
  registry->add_flag("--dry-run", arguments.dry_run, "Read and check everything, and write nothing");
  FinishImport(registry, line, ImportArguments::Kind::kRegistry);
}

void AddStatus(CLI::App* app, CommandLine* line) {
  auto* status = app->add_subcommand("status", "What the node of a data directory is doing");
  status->footer("Example: tarn status --data /var/lib/tarn --json");
  AddSettingFlags(status, &line->flags, false);
  AddJson(status, line);
  status->callback([line] {
    line->run = [line](const Config& config) { return RunStatus(config, line->json ? Output::kJson : Output::kText); };
  });
}

void AddConfig(CLI::App* app, CommandLine* line) {
  auto* command = app->add_subcommand("config", "Check and show the configuration");
  command->require_subcommand(1);
  command->footer("Example: tarn config check --config /etc/tarn.toml && systemctl restart tarn");
  const auto add = [&](const char* name, const char* help, std::function<std::string(const Config&)> print) {
    auto* sub = command->add_subcommand(name, help);
    AddSettingFlags(sub, &line->flags, true);
    sub->callback([line, print] {
      line->run = [print](const Config& config) {
        std::fputs(print(config).c_str(), stdout);
        return kExitOk;
      };
    });
  };
  add("check", "Say whether the configuration is valid", [](const Config&) { return "configuration is valid\n"; });
  add("show", "Print the configuration in force, as TOML", FormatToml);
  add("markdown", "Print docs/configuration.md", [](const Config&) { return FormatMarkdown(); });
  add("routes", "Print http/API.md", [](const Config&) { return http::FormatApiMarkdown(); });
}

int Main(int argc, char** argv) {
  CLI::App app("tarn: an npm registry in one binary", "tarn");
  app.require_subcommand(1);
  app.footer("Start here: tarn serve --data ./tarn-data");
  app.set_version_flag("--version", std::string("tarn ") + TARN_VERSION);
  CommandLine line;
  AddServe(&app, &line);
  AddCollect(&app, &line);
  AddVerify(&app, &line);
  AddUser(&app, &line);
  AddToken(&app, &line);
  AddKeys(&app, &line);
  AddAdvisories(&app, &line);
  AddHook(&app, &line);
  AddReplication(&app, &line);
  AddImport(&app, &line);
  AddStatus(&app, &line);
  AddConfig(&app, &line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const auto config = LoadConfig(line.flags);
  if (!config.ok()) {
    Fail(config.status());
    return kExitUsage;
  }
  return line.run(*config);
}

}  // namespace
}  // namespace tarn::cli

int main(int argc, char** argv) { return tarn::cli::Main(argc, argv); }
