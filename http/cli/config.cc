#include "http/cli/config.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "http/cli/trust_config.h"
#include "storage/base/http_client.h"
#include "storage/registry/access.h"

namespace tarn::cli {
namespace {

std::string Quote(std::string_view text) { return JsonString(text); }  // A JSON string is a TOML basic string.

std::string FormatList(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& item : list) {
    if (out.size() > 1) out += ", ";
    out += Quote(item);
  }
  return out + "]";
}

template <typename T>
const T* As(const SettingValue& value) {
  return std::get_if<T>(&value);
}

using Check = std::function<Status(const std::string&)>;

Status AnyText(const std::string&) { return OkStatus(); }

Check OneOf(std::vector<std::string> choices) {
  return [choices = std::move(choices)](const std::string& text) {
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) return OkStatus();
    std::string list;
    for (const std::string& choice : choices) list += (list.empty() ? "\"" : ", \"") + choice + "\"";
    return InvalidArgument(Quote(text) + " is not one of " + list);
  };
}

Setting Text(std::string section, std::string key, std::string flag, std::string Config::*member, Check check,
             std::string description) {
  Setting setting{section, key, flag, "", description, {}, {}};
  setting.set = [member, check](Config* config, const SettingValue& value) {
    const auto* text = As<std::string>(value);
    if (text == nullptr) return InvalidArgument("expected a string");
    RETURN_IF_ERROR(check(*text));
    config->*member = *text;
    return OkStatus();
  };
  setting.get = [member](const Config& config) { return Quote(config.*member); };
  return setting;
}

Setting List(std::string section, std::string key, std::string flag, std::vector<std::string> Config::*member,
             Check check, std::string description) {
  Setting setting{section, key, flag, "", description, {}, {}};
  setting.is_list = true;
  setting.set = [member, check](Config* config, const SettingValue& value) {
    const auto* list = As<std::vector<std::string>>(value);
    if (list == nullptr) return InvalidArgument("expected a list of strings");
    for (const std::string& item : *list) RETURN_IF_ERROR(check(item));
    config->*member = *list;
    return OkStatus();
  };
  setting.get = [member](const Config& config) { return FormatList(config.*member); };
  return setting;
}

struct Range {
  uint64_t low;
  uint64_t high;
};

Setting Number(std::string section, std::string key, std::string flag, uint64_t Config::*member, Range range,
               std::string description) {
  Setting setting{section, key, flag, "", description, {}, {}};
  setting.is_number = true;
  setting.set = [member, range](Config* config, const SettingValue& value) {
    const auto* number = As<uint64_t>(value);
    if (number == nullptr) return InvalidArgument("expected a whole number that is not negative");
    if (*number < range.low || *number > range.high) {
      return InvalidArgument(std::to_string(*number) + " is not between " + std::to_string(range.low) + " and " +
                             std::to_string(range.high));
    }
    config->*member = *number;
    return OkStatus();
  };
  setting.get = [member](const Config& config) { return std::to_string(config.*member); };
  return setting;
}

Setting Flag(std::string section, std::string key, std::string flag, bool Config::*member, std::string description) {
  Setting setting{section, key, flag, "", description, {}, {}};
  setting.is_bool = true;
  setting.set = [member](Config* config, const SettingValue& value) {
    const auto* boolean = As<bool>(value);
    if (boolean == nullptr) return InvalidArgument("expected true or false");
    config->*member = *boolean;
    return OkStatus();
  };
  setting.get = [member](const Config& config) { return std::string(config.*member ? "true" : "false"); };
  return setting;
}

Status CheckListen(const std::string& text) { return ParseListenAddress(text).status(); }

Status CheckPublicUrl(const std::string& url) {
  const bool has_scheme = url.starts_with("http://") || url.starts_with("https://");
  const size_t host = url.find("://") + 3;
  const bool is_plain =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (!has_scheme || !is_plain || host >= url.size() || url[host] == '/' ||
      url.find_first_of("?#") != std::string::npos) {
    return InvalidArgument(Quote(url) + " is not an http or https URL without query (https://npm.example.org/)");
  }
  return OkStatus();
}

Status CheckCidr(const std::string& text) { return registry::Cidr::Parse(text).status(); }

std::vector<Setting> MakeSettings() {
  constexpr uint64_t kBig = uint64_t{1} << 50;
  using limits::kGiB, limits::kKiB, limits::kMiB;
  std::vector<Setting> all = {
      List("server", "listen", "--listen", &Config::listen, CheckListen,
           "Addresses to listen on; port 0 picks a free one. The command-line flag may be repeated."),
      List(
          "server", "public_urls", "--public-url", &Config::public_urls, CheckPublicUrl,
          "The URLs clients are configured with; tarball links carry the one whose host the client asked for, else the "
          "first. Without any, the Host header of the request is used."),
      List("server", "trusted_proxies", "", &Config::trusted_proxies, CheckCidr,
           "Networks whose X-Forwarded-For, -Proto, -Host, -Port and -Prefix headers are believed."),
      Number("server", "threads", "", &Config::threads, {0, 1024}, "Network threads; 0 means one per core."),
      Number("server", "connections_max", "", &Config::connections_max, {1, 1'000'000},
             "Open connections; over it new ones are answered 503."),
      Number("server", "drain_seconds", "", &Config::drain_seconds, {0, 3600},
             "How long requests in flight may take after SIGTERM."),
      Flag("server", "access_log", "", &Config::access_log, "One JSON line per request on standard error."),
      Text("storage", "data", "--data", &Config::data, AnyText, "The data directory: journal, blobs and state."),
      Number("storage", "segment_bytes_max", "", &Config::segment_bytes_max, {kMiB, 64 * kGiB},
             "A segment file is sealed at this size."),
      Number("storage", "disk_reserve_bytes", "", &Config::disk_reserve_bytes, {0, kBig},
             "Writes stop (507) when less than this, or less than 5 % of the disk (at most 8 GiB), is free."),
      Number("storage", "ballast_bytes", "", &Config::ballast_bytes, {0, kBig},
             "Size of a file to delete by hand when the disk is full all the same; 0 for none."),
      Number("storage", "block_cache_bytes", "", &Config::block_cache_bytes, {kMiB, kBig},
             "Memory for metadata blocks."),
      Number("storage", "upload_budget_bytes", "", &Config::upload_budget_bytes, {0, kBig},
             "Memory for small uploads that wait for their commit; past it they go to files of their own."),
      Text("registry", "registration", "--registration", &Config::registration, OneOf({"closed", "open"}),
           "Whether an unknown user may register by `npm adduser`. On a fresh registry that only this machine can "
           "reach, "
           "the first one always may, and becomes administrator."),
      Text("registry", "read_access", "", &Config::read_access, OneOf({"anyone", "authenticated"}),
           "Who may read packages that are not restricted."),
      Text("registry", "scoped_default", "", &Config::scoped_default, OneOf({"public", "restricted"}),
           "Access of a new scoped package that is published without --access."),
      Flag("registry", "web_login", "", &Config::web_login,
           "Whether clients may log in, and confirm writes, in a browser on a page of tarn's; without it they ask for "
           "name "
           "and password themselves."),
      Text("registry", "htpasswd_file", "", &Config::htpasswd_file, AnyText,
           "A password file of htpasswd's (bcrypt, apr1, SHA-1, crypt), only read and read again when it changes. Its "
           "users "
           "need no registration."),
      Text("registry", "audit", "", &Config::audit, OneOf({"data", "off"}),
           "What `npm audit` is answered from: the advisories of `tarn advisories import`, or nothing. Without any, "
           "clients "
           "are told that there is no answer, rather than that nothing is vulnerable."),
      Number("registry", "staged_days", "", &Config::staged_days, {1, limits::kStagedDaysMax},
             "How long a staged version waits to be approved (`npm stage`); then it is gone, and its number is free "
             "again."),
      Flag("registry", "stage_new_packages", "", &Config::stage_new_packages,
           "Whether the first version of a package may be staged."),
      Number("registry", "packument_cache_bytes", "", &Config::packument_cache_bytes, {kMiB, kBig},
             "Memory for packuments in the form in which they grow."),
      Number("registry", "body_cache_bytes", "", &Config::body_cache_bytes, {0, kBig},
             "Memory for finished answers of hot packages and tarball look-ups."),
      Flag("hooks", "allow_private_addresses", "", &Config::hooks_allow_private_addresses,
           "Whether webhooks may be sent to addresses that are not on the public internet: this machine, your own "
           "network. Whoever may make a hook can then reach what this server reaches."),
      Text("replication", "follow", "--follow", &Config::replication_follow, AnyText,
           "URL of the node to follow: this one is a copy of it, serves reads and passes writes on. Empty: it leads. "
           "After `tarn promote` or `tarn demote` what they said counts, until this value is changed."),
      Text("replication", "secret_file", "--replication-secret-file", &Config::replication_secret_file, AnyText,
           "File whose first line all nodes of a cluster know. Without it a node has no peers."),
      Text("replication", "ack", "--ack", &Config::replication_ack, OneOf({"remote", "local"}),
           "When a write is acknowledged: `remote`: durable on every in-sync follower too; `local`: durable here."),
      Number("replication", "ack_wait_ms", "", &Config::replication_ack_wait_ms, {1, 600'000},
             "How long `remote` waits for a follower; then the in-sync set is stored without it, and writes go on."),
      Text(
          "replication", "ca_file", "", &Config::replication_ca_file, AnyText,
          "Certificates (PEM) that https URLs of the leader and of etcd are checked against, instead of the system's."),
      Text("replication", "certificate_file", "", &Config::replication_certificate_file, AnyText,
           "Certificate (PEM, with its chain) that this node shows to whoever asks for one before the leader or etcd."),
      Text("replication", "key_file", "", &Config::replication_key_file, AnyText,
           "The certificate's private key (PEM, without a password)."),
      Flag("replication", "allow_plain", "", &Config::replication_allow_plain,
           "Whether a leader on another machine may be reached by http: the secret and everything else is readable on "
           "the "
           "way."),
      List("replication", "etcd", "--etcd", &Config::replication_etcd, AnyText,
           "URLs of an etcd. With it the nodes agree there on who leads, and a follower that is in sync takes over by "
           "itself; `replication.follow` then only says that this node is not the one that begins."),
      Text("replication", "etcd_prefix", "", &Config::replication_etcd_prefix, AnyText,
           "Where in etcd this cluster's keys are."),
      Text("replication", "own_url", "--replication-url", &Config::replication_own_url, AnyText,
           "URL at which the other nodes reach this one; needed with replication.etcd."),
      List("trust", "audiences", "", &Config::trust_audiences, AnyText,
           "Audiences of identity tokens that are for this registry, beside `npm:` and the host of each public URL."),
      Number("limits", "tarball_bytes_max", "", &Config::tarball_bytes_max, {1, 64 * kGiB},
             "Largest tarball. The body of a publish may be 1.37 times as large, plus the metadata."),
      Number("limits", "metadata_bytes_max", "", &Config::metadata_bytes_max, {kKiB, kGiB},
             "Largest JSON body without its tarball."),
      Number("limits", "tarball_inflated_bytes_max", "", &Config::tarball_inflated_bytes_max, {kMiB, kBig},
             "Largest unpacked size; tarballs are read through once, never extracted."),
      Number("limits", "header_bytes_max", "", &Config::header_bytes_max, {kKiB, kMiB}, "Largest request head."),
      Number("timeouts", "header_ms", "", &Config::header_ms, {1, 3'600'000}, "For a whole request head to arrive."),
      Number("timeouts", "idle_ms", "", &Config::idle_ms, {1, 3'600'000}, "Between requests of a kept connection."),
      Number("timeouts", "stall_ms", "", &Config::stall_ms, {1, 3'600'000},
             "Window over which a body must keep the least rate, either way."),
      Number("timeouts", "bytes_per_second_min", "", &Config::bytes_per_second_min, {0, kGiB},
             "Least rate of a body; slower clients are cut off."),
      Number("executor", "read_threads", "", &Config::read_threads, {1, 1024}, "Threads for reads that may block."),
      Number(
          "executor", "write_threads", "", &Config::write_threads, {1, 1024},
          "Threads for writes; each holds one until its commit is durable, so this bounds the size of a commit group."),
      Number("executor", "queue_wait_ms", "", &Config::queue_wait_ms, {1, 3'600'000},
             "How long a request may wait for a thread before it is answered 503."),
      Number("watchdog", "stall_ms", "", &Config::watchdog_stall_ms, {100, 3'600'000},
             "When the disk, the commits, a class of threads or a core has not gone on with its work for so long, the "
             "node is "
             "not ready, and its state is logged."),
      Text("log", "level", "--log-level", &Config::log_level, OneOf({"debug", "info", "warning", "error"}),
           "Least level that is written."),
  };
  const Config defaults;
  for (Setting& setting : all) setting.default_text = setting.get(defaults);
  return all;
}

Result<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix(end, static_cast<size_t>(text.data() + text.size() - end));
  uint64_t unit = 1;
  if (suffix == "K")
    unit = limits::kKiB;
  else if (suffix == "M")
    unit = limits::kMiB;
  else if (suffix == "G")
    unit = limits::kGiB;
  else if (!suffix.empty())
    return InvalidArgument(Quote(text) + " is not a whole number (K, M or G may follow it)");
  if (error != std::errc() || number > UINT64_MAX / unit) {
    return InvalidArgument(Quote(text) + " is not a whole number (K, M or G may follow it)");
  }
  return number * unit;
}

std::vector<std::string> SplitCommas(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return items;
}

}  // namespace

std::string Setting::EnvironmentName() const {
  std::string name = "TARN_" + section + "_" + key;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings = MakeSettings();
  return settings;
}

Status ApplyText(const Setting& setting, std::string_view text, Config* config) {
  if (setting.is_list) return setting.set(config, SplitCommas(text));
  if (setting.is_number) {
    ASSIGN_OR_RETURN(const uint64_t number, ParseNumber(text));
    return setting.set(config, number);
  }
  if (setting.is_bool) {
    if (text != "true" && text != "false") return InvalidArgument(Quote(text) + " is not true or false");
    return setting.set(config, text == "true");
  }
  return setting.set(config, std::string(text));
}

Status ApplyEnvironment(const std::vector<std::pair<std::string, std::string>>& environment, Config* config) {
  for (const auto& [name, text] : environment) {
    bool is_ours = false;
    for (const Setting& setting : Settings()) {
      if (name == setting.EnvironmentName()) {
        RETURN_IF_ERROR(ApplyText(setting, text, config).WithContext("environment variable " + name));
        is_ours = false;
        break;
      }
      const std::string section = setting.EnvironmentName().substr(0, 6 + setting.section.size());
      is_ours = is_ours || name.starts_with(section);
    }
    if (is_ours)
      return InvalidArgument("environment variable " + name +
                             ": there is no such setting (tarn config show lists them)");
  }
  return OkStatus();
}

namespace {

Status CheckReplication(const Config& config) {
  if (config.replication_certificate_file.empty() != config.replication_key_file.empty()) {
    return InvalidArgument("replication.certificate_file and replication.key_file go together: one of them is not set");
  }
  if (!config.replication_etcd.empty()) {
    if (config.replication_secret_file.empty()) {
      return InvalidArgument("replication.etcd wants replication.secret_file: the secret that all nodes have");
    }
    const auto own = ParseHttpUrl(config.replication_own_url);
    if (!own.ok()) return own.status().WithContext("replication.own_url");
    for (const std::string& url : config.replication_etcd) {
      if (const auto parsed = ParseHttpUrl(url); !parsed.ok()) return parsed.status().WithContext("replication.etcd");
    }
  }
  if (config.replication_follow.empty()) return OkStatus();
  const auto url = ParseHttpUrl(config.replication_follow);
  if (!url.ok()) return url.status().WithContext("replication.follow");
  if (config.replication_secret_file.empty()) {
    return InvalidArgument("replication.follow wants replication.secret_file: the secret that the leader has too");
  }
  const bool is_here = url->host == "localhost" || url->host == "::1" || url->host.starts_with("127.");
  if (url->is_https || is_here || config.replication_allow_plain) return OkStatus();
  return InvalidArgument(
      "replication.follow is plain http to another machine; give an https URL, or set replication.allow_plain = true");
}

}  // namespace

TlsFiles ReplicationTls(const Config& config) {
  return {config.replication_ca_file, config.replication_certificate_file, config.replication_key_file};
}

Status CheckConfig(const Config& config) {
  if (config.listen.empty()) return InvalidArgument("server.listen: at least one address is needed");
  if (config.data.empty()) return InvalidArgument("storage.data: a directory is needed");
  RETURN_IF_ERROR(CheckReplication(config));
  return CheckTrust(config);
}

std::string FormatToml(const Config& config) {
  std::string out;
  std::string section;
  for (const Setting& setting : Settings()) {
    if (setting.section != section) {
      section = setting.section;
      out += (out.empty() ? "[" : "\n[") + section + "]\n";
    }
    out += setting.key + " = " + setting.get(config) + "\n";
  }
  return out + FormatTrustIssuers(config);
}

std::string FormatMarkdown() {
  std::string out =
      "# Configuration\n\n"
      "Three sources, the later wins: a TOML file (`tarn serve --config FILE`), environment variables, flags of\n"
      "`tarn serve`. A key or value that tarn does not know stops the start with the file, the line and the reason.\n"
      "`tarn config check --config FILE` tests a file, `tarn config show` prints what is in force.\n"
      "In the environment and in flags, lists are separated by commas and sizes may end in K, M or G (binary).\n\n"
      "<!-- Printed by `tarn config markdown`; config_test compares. -->\n\n"
      "| Key | Environment | Flag | Default | Meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : Settings()) {
    out += "| `" + setting.section + "." + setting.key + "` | `" + setting.EnvironmentName() + "` | " +
           (setting.flag.empty() ? "" : "`" + setting.flag + "`") + " | `" + setting.default_text + "` | " +
           setting.description + " |\n";
  }
  return out + TrustIssuersMarkdown();
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string shown = Quote(text);
  if (colon == std::string_view::npos) {
    return InvalidArgument(shown + " has no port (127.0.0.1:4873, [::1]:4873 or :4873)");
  }
  ListenAddress address;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || port.empty()) {
    return InvalidArgument(shown + ": the port is not a number from 0 to 65535");
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "*") host = "0.0.0.0";
  if (host == "localhost") host = "127.0.0.1";
  if (!registry::PeerAddress::Parse(host).ok()) {
    return InvalidArgument(shown + ": the host is not an IP address");
  }
  address.host = host;
  return address;
}

bool ListenAddress::IsLoopback() const { return host.starts_with("127.") || host == "::1"; }

bool IsPrivateToThisMachine(const Config& config) {
  if (!config.public_urls.empty() || !config.trusted_proxies.empty()) return false;
  return std::all_of(config.listen.begin(), config.listen.end(), [](const std::string& text) {
    const auto address = ParseListenAddress(text);
    return address.ok() && address->IsLoopback();
  });
}

}  // namespace tarn::cli
