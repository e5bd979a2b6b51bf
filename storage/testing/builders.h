#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/check.h"
#include "storage/engine/store.h"

// Short ways to write mutations and to read stores in tests; they abort where a test could not go on anyway.
namespace tarn {

inline engine::Change Put(engine::Family family, std::string_view key, std::string_view value) {
  return {family, std::string(key), std::string(value)};
}
inline engine::Change Delete(engine::Family family, std::string_view key) {
  return {family, std::string(key), std::nullopt};
}
inline engine::Mutation MutationOf(std::vector<engine::Change> changes) {
  engine::Mutation mutation;
  mutation.changes = std::move(changes);
  return mutation;
}
inline engine::Mutation PutMutation(engine::Family family, std::string_view key, std::string_view value) {
  return MutationOf({Put(family, key, value)});
}

inline std::optional<std::string> ValueOf(engine::Store& store, engine::Family family, std::string_view key) {
  auto view = store.NewReadView();
  CHECK(view.ok());
  auto value = (*view)->Get(family, key);
  CHECK(value.ok());
  return *std::move(value);
}

inline std::shared_ptr<engine::StagedBlob> StageBlob(engine::Store& store, std::string_view bytes) {
  auto writer = store.blobs().NewWriter();
  CHECK(writer.ok());
  CHECK((*writer)->Append(bytes).ok());
  auto staged = (*writer)->Finish();
  CHECK(staged.ok());
  return *std::move(staged);
}

inline Result<std::string> ReadBlob(engine::Store& store, const Digest& digest) {
  ASSIGN_OR_RETURN(const engine::BlobReader reader, store.blobs().Open(digest));
  std::string bytes;
  RETURN_IF_ERROR(reader.file->ReadAt(reader.offset_bytes, reader.info.size_bytes, &bytes));
  return bytes;
}

}  // namespace tarn
