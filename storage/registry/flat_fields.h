#pragma once

#include <flatbuffers/flatbuffers.h>

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

// FlatBuffers fields to values and back, for the codecs of records.h alone. An empty text or list is left out of the
// buffer, and a missing one reads back as empty.
namespace tarn::registry::flat {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::Vector;

inline Offset<flatbuffers::String> Text(FlatBufferBuilder& builder, const std::string& text) {
  return text.empty() ? 0 : builder.CreateString(text);
}

inline Offset<Vector<Offset<flatbuffers::String>>> Texts(FlatBufferBuilder& builder,
                                                         const std::vector<std::string>& texts) {
  return texts.empty() ? 0 : builder.CreateVectorOfStrings(texts);
}

inline Offset<Vector<uint8_t>> Bytes(FlatBufferBuilder& builder, const std::string& bytes) {
  return bytes.empty() ? 0 : builder.CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

// One table for each item.
template <typename Table, typename Item, typename Create>
Offset<Vector<Offset<Table>>> Tables(FlatBufferBuilder& builder, const std::vector<Item>& items, const Create& create) {
  if (items.empty()) return 0;
  std::vector<Offset<Table>> offsets;
  offsets.reserve(items.size());
  for (const Item& item : items) offsets.push_back(create(item));
  return builder.CreateVector(offsets);
}

inline std::string Take(FlatBufferBuilder& builder) {
  return std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
}

inline std::string Text(const flatbuffers::String* text) { return text == nullptr ? std::string() : text->str(); }

inline std::string Bytes(const Vector<uint8_t>* bytes) {
  if (bytes == nullptr) return {};
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

inline std::vector<std::string> Texts(const Vector<Offset<flatbuffers::String>>* texts) {
  std::vector<std::string> result;
  if (texts == nullptr) return result;
  result.reserve(texts->size());
  for (const flatbuffers::String* text : *texts) result.push_back(Text(text));
  return result;
}

// The root of a buffer that is exactly one such record; kCorruption otherwise. Every buffer is verified before it is
// read: it came from disk or from another node. The result points into `payload`.
template <typename Table>
Result<const Table*> Root(std::string_view payload, const char* identifier) {
  const auto* data = reinterpret_cast<const uint8_t*>(payload.data());
  flatbuffers::Verifier verifier(data, payload.size());
  if (!verifier.VerifyBuffer<Table>(identifier)) {
    return Corruption(std::string("not a record of kind ") + identifier + ": " + std::to_string(payload.size()) +
                      " bytes that do not verify");
  }
  return flatbuffers::GetRoot<Table>(data);
}

}  // namespace tarn::registry::flat
