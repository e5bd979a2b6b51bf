#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/http_client.h"
#include "storage/base/limits.h"
#include "storage/base/logging.h"
#include "storage/base/result.h"
#include "storage/base/stage_limits.h"
#include "storage/registry/trust_issuer.h"

namespace tarn::cli {

// Everything an operator can set, with its default. Three sources, the later wins: the file (TOML), the environment
// (TARN_<SECTION>_<KEY>), flags of `tarn serve`. The one table is Settings(); docs/configuration.md is printed from it.
struct Config {
  // [server]
  std::vector<std::string> listen = {"127.0.0.1:4873"};
  std::vector<std::string> public_urls;
  std::vector<std::string> trusted_proxies;
  uint64_t threads = 0;  // 0: one per core.
  uint64_t connections_max = 10'000;
  uint64_t drain_seconds = 30;
  bool access_log = true;
  // [storage]
  std::string data = "/var/lib/tarn";
  uint64_t segment_bytes_max = limits::kSegmentBytesMax;
  uint64_t disk_reserve_bytes = limits::kDiskReserveBytes;
  uint64_t ballast_bytes = limits::kBallastBytes;
  uint64_t block_cache_bytes = 256 * limits::kMiB;
  uint64_t upload_budget_bytes = limits::kUploadBudgetBytes;
  // [registry]
  std::string registration = "closed";
  std::string read_access = "anyone";
  std::string scoped_default = "public";
  bool web_login = true;
  std::string htpasswd_file;
  std::string audit = "data";
  uint64_t staged_days = limits::kStagedDays;
  bool stage_new_packages = true;
  uint64_t packument_cache_bytes = 256 * limits::kMiB;
  uint64_t body_cache_bytes = 128 * limits::kMiB;
  // [hooks]
  bool hooks_allow_private_addresses = false;
  // [replication]
  std::string replication_follow;
  std::string replication_secret_file;
  std::string replication_ack = "remote";
  uint64_t replication_ack_wait_ms = 3'000;
  std::string replication_ca_file;
  std::string replication_certificate_file;
  std::string replication_key_file;
  bool replication_allow_plain = false;
  std::vector<std::string> replication_etcd;
  std::string replication_etcd_prefix = "/tarn/default";
  std::string replication_own_url;
  // [trust]; its issuers are tables of their own, in the file alone (trust_config.h).
  std::vector<std::string> trust_audiences;
  std::vector<registry::TrustIssuer> trust_issuers;
  // [limits]
  uint64_t tarball_bytes_max = limits::kTarballBytesMax;
  uint64_t metadata_bytes_max = limits::kMetadataBytesMax;
  uint64_t tarball_inflated_bytes_max = limits::kTarballInflatedBytesMax;
  uint64_t header_bytes_max = limits::kHeaderBytesMax;
  // [timeouts]
  uint64_t header_ms = 10'000;
  uint64_t idle_ms = 75'000;
  uint64_t stall_ms = 30'000;
  uint64_t bytes_per_second_min = 1024;
  // [executor]
  uint64_t read_threads = 4;
  uint64_t write_threads = 64;
  uint64_t queue_wait_ms = 5'000;

  // [watchdog]
  uint64_t watchdog_stall_ms = 5'000;
  // [log]
  std::string log_level = "info";
};

using SettingValue = std::variant<std::string, uint64_t, bool, std::vector<std::string>>;

// One row of the table.
struct Setting {
  std::string section;
  std::string key;
  std::string flag;          // Of `tarn serve`, with dashes; empty when there is none.
  std::string default_text;  // As it would stand in the file.
  std::string description;
  // kInvalidArgument with the reason; the caller adds where the value came from.
  std::function<Status(Config*, const SettingValue&)> set;
  // The value as it would stand in the file.
  std::function<std::string(const Config&)> get;
  bool is_list = false;
  bool is_number = false;
  bool is_bool = false;

  std::string EnvironmentName() const;  // "TARN_SERVER_LISTEN".
};

const std::vector<Setting>& Settings();

// A file of TOML over `config`. Every problem is kInvalidArgument "path:line: reason", also an unknown section or key.
Status ApplyFile(const std::string& path, Config* config);
// TARN_SECTION_KEY variables; a name that begins with TARN_ and a section, and fits no key, is an error too.
Status ApplyEnvironment(const std::vector<std::pair<std::string, std::string>>& environment, Config* config);
// One value as text (from a flag or the environment); lists are separated by commas, sizes may end in K, M or G (binary).
Status ApplyText(const Setting& setting, std::string_view text, Config* config);
// What no single key can know: that the combination makes sense.
Status CheckConfig(const Config& config);

// How this node makes https connections to its leader and to etcd.
TlsFiles ReplicationTls(const Config& config);

// The file that would give this configuration.
std::string FormatToml(const Config& config);
// docs/configuration.md, from the table.
std::string FormatMarkdown();

// "127.0.0.1:4873", "[::1]:4873", ":4873" (all addresses).
struct ListenAddress {
  std::string host;
  uint16_t port = 0;
  bool IsLoopback() const;
};
Result<ListenAddress> ParseListenAddress(std::string_view text);
// True when nobody but this machine can reach the registry: all listen addresses are loopback and no public URL is set.
bool IsPrivateToThisMachine(const Config& config);

}  // namespace tarn::cli
