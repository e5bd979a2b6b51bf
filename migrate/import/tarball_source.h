#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "migrate/import/plan.h"
#include "storage/base/result.h"

namespace tarn::migrate {

// Where tarballs are that documents do not bring: a folder, another registry.
// Threads: one at a time.
class TarballSource {
 public:
  using Sink = std::function<Status(std::string_view)>;
  virtual ~TarballSource() = default;
  // The bytes of a version of the package `id`, in order. kNotFound: it is not there. kPermissionDenied, kInvalidArgument: it
  // will not be given. kUnavailable: broken off in the middle; may be asked again. Others end the run; what `sink` returns
  // comes back as it is.
  [[nodiscard]] virtual Status Read(const std::string& id, const MissingTarball& wanted, const Sink& sink) = 0;
};

}  // namespace tarn::migrate
