#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/registry/manifest_fragment.h"
#include "storage/registry/packument_body.h"
#include "storage/registry/packument_head.h"
#include "storage/registry/rope.h"

namespace tarn::registry {

// One version as the packument shows it.
struct VersionEntry {
  std::string version;
  ManifestFragment full;
  ManifestFragment abbreviated;
  uint64_t time_ms = 0;  // Of publication.
};

// The packument of one package for one public base URL, both forms, compressed, and changed in
// place.
//
// Three ropes: versions in full, versions abbreviated, and the times that both forms share. Around
// them small texts, compressed anew when a head changes them. A body is a list of pointers to all
// of these: making one compresses nothing. Times only ever grow: an unpublished version keeps its
// entry.
//
// Threads: one at a time (the caller locks); bodies are immutable and independent of the rope they
// came from.
class PackumentRope {
 public:
  // `base_url` without a slash at the end.
  explicit PackumentRope(std::string base_url, const RopeLimits& limits = {});

  const std::string& base_url() const { return base_url_; }
  const PackumentHead& head() const { return head_; }
  const std::string& rev() const { return head_.rev; }
  size_t version_count() const { return full_.entry_count(); }

  // Changes of the content, about 250 us of CPU for Append and 10 ms for the others. They make the
  // next revision: SetHead names it and must follow before anything is assembled.
  // kCorruption: damaged in memory, or parsed from damaged bytes; throw the rope away and rebuild.
  // `ordinal` counts the present versions from 0, in the order in which they were appended.
  [[nodiscard]] Status Append(const VersionEntry& entry);
  [[nodiscard]] Status Replace(size_t ordinal, const VersionEntry& entry);  // Its time stays.
  [[nodiscard]] Status Remove(size_t ordinal);
  // A head with unpublished_json is for a rope without versions.
  void SetHead(PackumentHead head);

  // Microseconds; length and CRC-32 come from those of the parts.
  std::shared_ptr<const PackumentBody> AssembleGzip(PackumentForm form) const;
  // kIdentity inflates, 1 ms per MB. kCorruption as above.
  [[nodiscard]] Result<std::shared_ptr<const PackumentBody>> Assemble(PackumentForm form, PackumentCoding coding) const;

  // Background work; as in Rope.
  class SealJob {
   public:
    [[nodiscard]] Status Run() { return job_.Run(); }

   private:
    friend class PackumentRope;
    Rope PackumentRope::*rope_ = nullptr;
    Rope::SealJob job_;
  };
  bool SealNeeded() const;
  std::optional<SealJob> NextSeal() const;
  bool Install(SealJob job);
  [[nodiscard]] Status Seal();

  // Heap bytes, those shared with bodies included.
  size_t memory_bytes() const;

  // Derived data on disk, head and base URL included; see packument_rope_format.cc.
  std::string Serialise() const;
  // kCorruption: checksum, length or structure; says which.
  static Result<std::unique_ptr<PackumentRope>> Parse(std::string_view bytes, const RopeLimits& limits = {});

 private:
  friend class PackumentRopeBuilder;

  // A text kept compressed, and compressed again only when it has changed.
  class FrameText {
   public:
    void Set(std::string_view plain);
    const DeflateStream& stream() const { return stream_; }

   private:
    DeflateStream stream_;
    uint64_t checksum_ = 0;  // Of the plain text.
  };
  struct CompressedFrame {
    FrameText opening, middle, time_end, closing;
  };

  void CompressFrame(PackumentForm form, CompressedFrame* frame) const;
  void AppendVersionText(std::string_view version, const ManifestFragment& fragment, std::string* out) const;

  std::string base_url_;
  std::string escaped_base_url_;  // As the inside of a JSON string.
  PackumentHead head_;
  Rope full_;
  Rope abbreviated_;
  Rope times_;
  CompressedFrame full_frame_;
  CompressedFrame abbreviated_frame_;
};

// A whole packument from its versions, for a package that is not in memory. Holds the plain text of
// one chunk at a time, so the caller can stream from an iterator. 9.6 MB of 3,500 versions cost
// about 150 ms of CPU: not on a core thread.
class PackumentRopeBuilder {
 public:
  explicit PackumentRopeBuilder(std::string base_url, const RopeLimits& limits = {});
  // The present versions, in publish order. Their times are not taken from here.
  void AddVersion(const VersionEntry& entry);
  // Every version that ever was, unpublished ones included, in publish order.
  void AddTime(std::string_view version, uint64_t time_ms);
  // Once.
  std::unique_ptr<PackumentRope> Finish(PackumentHead head);

 private:
  std::unique_ptr<PackumentRope> rope_;
  RopeBuilder full_;
  RopeBuilder abbreviated_;
  RopeBuilder times_;
  std::string text_;
};

}  // namespace tarn::registry
