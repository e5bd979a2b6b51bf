#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/file_system.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/base/signing_key.h"
#include "storage/engine/store.h"
#include "storage/registry/manifest.h"
#include "storage/registry/package_name.h"
#include "storage/registry/records.h"

namespace tarn::registry {

// What a client verifies: "<name>@<version>:<integrity>", with the integrity as it is served (contract 12.3; pacote's
// registry.js and pnpm's audit signatures put the same together).
std::string SignedText(const PackageName& name, const VersionRecord& version);

// "SHA256:" and the base64 SHA-256 of the key (SubjectPublicKeyInfo, DER).
std::string KeyIdOf(std::string_view public_key);

// One private key of this node.
class NamedKey {
 public:
  explicit NamedKey(SigningKey key)
      : public_key_(key.PublicKey()), keyid_(KeyIdOf(public_key_)), key_(std::move(key)) {}

  const std::string& keyid() const { return keyid_; }
  const std::string& public_key() const { return public_key_; }
  Signature Sign(const PackageName& name, const VersionRecord& version) const;

 private:
  std::string public_key_;
  std::string keyid_;
  SigningKey key_;
};

// The signing keys of the registry: private halves in a file of this node, public halves in the state.
//
// A signature is made once, at publish, and kept in the version's record. Who signs names the list of public keys as a
// precondition: after a rotation nobody commits a signature of the old key.
// Files: `path`, PEM, mode 0600, replaced by rename; `path`.new while that happens.
// Threads: any.
class SigningKeys {
 public:
  // No file is touched before Open. An empty path: this registry does not sign.
  SigningKeys(engine::Store* store, std::string path, FileSystem* file_system, Clock* clock)
      : store_(store), path_(std::move(path)), file_system_(file_system), clock_(clock) {}

  // Reads the private key; makes one when there is none, or when the one in the file has been replaced (a rotation that did
  // not come to its end). Announces its public half if the store takes commits, otherwise the first publish does.
  // kInvalidArgument: the file holds something else, and the message says what to do. Errors of the file system.
  Status Open() EXCLUDES(mutex_);

  // What a write that signs needs.
  struct InUse {
    std::shared_ptr<const NamedKey> key;       // nullptr: this registry does not sign.
    engine::Precondition precondition;         // The list of public keys, as it was read.
    std::vector<engine::Change> announcement;  // The list with this key in it, when it is not there yet; or none.

    void AddTo(engine::Mutation* mutation) const;
  };
  // kResourceExhausted: more keys than limits::kSigningKeysMax.
  Result<InUse> Find(const engine::ReadView& view) const EXCLUDES(mutex_);

  // A new key signs from now on; all others expire, for what is published after limits::kSigningKeyOverlapMs.
  // kFailedPrecondition: this registry does not sign.
  Result<PublicKey> Rotate() EXCLUDES(mutex_);

  bool signs() const { return !path_.empty(); }

 private:
  Status LoadOrCreate();
  Status Announce();
  Status WriteFile(const SigningKey& key) const;
  std::vector<std::shared_ptr<const NamedKey>> LocalKeys() const EXCLUDES(mutex_);

  engine::Store* const store_;
  const std::string path_;
  FileSystem* const file_system_;
  Clock* const clock_;

  Mutex rotation_;  // One at a time.
  mutable Mutex mutex_;
  // Oldest first. Owners: this, and writes that began before a rotation.
  std::vector<std::shared_ptr<const NamedKey>> local_ GUARDED_BY(mutex_);
};

// The list of public keys; empty when there is none.
struct StoredSigningKeys {
  SigningKeysRecord record;
  std::optional<std::string> raw;
};
Result<StoredSigningKeys> ReadSigningKeys(const engine::ReadView& view);

}  // namespace tarn::registry
