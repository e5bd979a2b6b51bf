#pragma once

#include <string>
#include <thread>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/package_name.h"
#include "storage/registry/signing_keys.h"

namespace tarn::registry {

// Signs what was published before the registry had a key: `npm audit signatures` fails for a whole tree when one package of
// a registry with keys has no signature. One pass, package by package, each a few commits; the state remembers that it is
// complete, so later starts have nothing to do. A package that gets signatures gets a new revision, for its packument
// changes, and keeps its `modified`.
// Threads: any.
class VersionSigner {
 public:
  VersionSigner(engine::Store* store, const SigningKeys* keys, Random* random)
      : store_(store), keys_(keys), random_(random) {}
  ~VersionSigner() { Stop(); }
  VersionSigner(const VersionSigner&) = delete;
  VersionSigner& operator=(const VersionSigner&) = delete;

  // In a thread of its own, at the lowest priority, trying again while the disk is full. Once.
  void Start();
  // Ends the thread after the commit in hand. May be called again.
  void Stop();

  // The pass itself, in this thread. `true`: complete.
  Result<bool> SignAll();

 private:
  void Run();
  // True when the end was asked for meanwhile.
  bool PauseMs(uint64_t time_ms) EXCLUDES(mutex_);
  Status SignPackage(const PackageName& name);
  // How many were signed; 0: none is left.
  Result<size_t> SignSome(const PackageName& name);
  Status RememberComplete();

  engine::Store* const store_;
  const SigningKeys* const keys_;
  Random* const random_;

  Mutex mutex_;
  CondVar ending_;
  bool is_ending_ GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace tarn::registry
