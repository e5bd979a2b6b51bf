#include "storage/registry/packument_rope.h"

#include <utility>

#include "storage/base/check.h"
#include "storage/base/checksum.h"
#include "storage/base/clock.h"
#include "storage/base/logging.h"

namespace tarn::registry {
namespace {

std::string EscapedForJson(std::string_view text) {
  const std::string quoted = JsonString(text);
  return quoted.substr(1, quoted.size() - 2);
}

void AppendTimeText(std::string_view version, uint64_t time_ms, std::string* out) {
  AppendJsonString(out, version);
  out->push_back(':');
  AppendJsonString(out, FormatIsoTime(time_ms));
}

size_t HeapBytes(const PackumentHead& head) {
  size_t bytes = head.name.capacity() + head.rev.capacity() + head.maintainers_json.capacity() +
                 head.hoisted_members_json.capacity() + head.readme.capacity() + head.readme_filename.capacity() +
                 head.users_json.capacity() + head.unpublished_json.capacity();
  for (const auto& [tag, version] : head.dist_tags) {
    bytes += sizeof(head.dist_tags[0]) + tag.capacity() + version.capacity();
  }
  return bytes;
}

}  // namespace

PackumentRope::PackumentRope(std::string base_url, const RopeLimits& limits)
    : base_url_(std::move(base_url)),
      escaped_base_url_(EscapedForJson(base_url_)),
      full_(limits),
      abbreviated_(limits),
      times_(limits) {}

void PackumentRope::AppendVersionText(std::string_view version, const ManifestFragment& fragment,
                                      std::string* out) const {
  AppendJsonString(out, version);
  out->push_back(':');
  AppendWithBaseUrl(out, fragment, escaped_base_url_);
}

Status PackumentRope::Append(const VersionEntry& entry) {
  std::string text;
  AppendVersionText(entry.version, entry.full, &text);
  RETURN_IF_ERROR(full_.Append(text));
  text.clear();
  AppendVersionText(entry.version, entry.abbreviated, &text);
  RETURN_IF_ERROR(abbreviated_.Append(text));
  text.clear();
  AppendTimeText(entry.version, entry.time_ms, &text);
  return times_.Append(text);
}

Status PackumentRope::Replace(size_t ordinal, const VersionEntry& entry) {
  std::string text;
  AppendVersionText(entry.version, entry.full, &text);
  RETURN_IF_ERROR(full_.Replace(ordinal, text));
  text.clear();
  AppendVersionText(entry.version, entry.abbreviated, &text);
  return abbreviated_.Replace(ordinal, text);
}

Status PackumentRope::Remove(size_t ordinal) {
  RETURN_IF_ERROR(full_.Remove(ordinal));
  return abbreviated_.Remove(ordinal);
}

void PackumentRope::FrameText::Set(std::string_view plain) {
  const uint64_t checksum = Checksum64(plain);
  if (plain.size() == stream_.extent().plain_bytes && checksum == checksum_) return;
  stream_ = DeflateStream::FromPlain(plain, DeflateEffort::kFast);
  checksum_ = checksum;
}

void PackumentRope::CompressFrame(PackumentForm form, CompressedFrame* frame) const {
  const PackumentFrame text = FramePackument(head_, form, times_.entry_count());
  frame->opening.Set(text.opening);
  frame->middle.Set(text.middle);
  frame->time_end.Set(text.time_end);
  frame->closing.Set(text.closing);
}

void PackumentRope::SetHead(PackumentHead head) {
  CHECK(head.unpublished_json.empty() || version_count() == 0);
  head_ = std::move(head);
  CompressFrame(PackumentForm::kFull, &full_frame_);
  CompressFrame(PackumentForm::kAbbreviated, &abbreviated_frame_);
}

std::shared_ptr<const PackumentBody> PackumentRope::AssembleGzip(PackumentForm form) const {
  const bool is_full = form == PackumentForm::kFull;
  const Rope& versions = is_full ? full_ : abbreviated_;
  const CompressedFrame& frame = is_full ? full_frame_ : abbreviated_frame_;
  CHECK(frame.opening.stream().extent().plain_bytes > 0);  // SetHead was called.

  std::vector<SharedBytes> middle;
  middle.reserve(2 * (versions.chunk_count() + times_.chunk_count()) + 1);
  versions.CollectBuffers(&middle);
  middle.push_back(frame.middle.stream().bytes());
  times_.CollectBuffers(&middle);

  DeflateExtent content = frame.opening.stream().extent();
  content.Extend(versions.extent());
  content.Extend(frame.middle.stream().extent());
  content.Extend(times_.extent());
  content.Extend(frame.time_end.stream().extent());
  content.Extend(frame.closing.stream().extent());

  auto body = std::make_shared<PackumentBody>();
  body->form = form;
  body->coding = PackumentCoding::kGzip;
  AssembleGzipMember(*frame.opening.stream().bytes(), std::move(middle),
                     *frame.time_end.stream().bytes() + *frame.closing.stream().bytes(), content, body.get());
  body->etag = PackumentETag(head_.rev, base_url_, form, PackumentCoding::kGzip);
  body->rev = head_.rev;
  body->modified_ms = head_.modified_ms;
  body->is_restricted = head_.is_restricted;
  return body;
}

Result<std::shared_ptr<const PackumentBody>> PackumentRope::Assemble(PackumentForm form, PackumentCoding coding) const {
  std::shared_ptr<const PackumentBody> gzip = AssembleGzip(form);
  if (coding == PackumentCoding::kGzip) return gzip;
  return InflatePackument(*gzip, PackumentETag(head_.rev, base_url_, form, coding));
}

bool PackumentRope::SealNeeded() const {
  return full_.SealNeeded() || abbreviated_.SealNeeded() || times_.SealNeeded();
}

std::optional<PackumentRope::SealJob> PackumentRope::NextSeal() const {
  constexpr Rope PackumentRope::*kRopes[] = {&PackumentRope::full_, &PackumentRope::abbreviated_,
                                             &PackumentRope::times_};
  for (Rope PackumentRope::*rope : kRopes) {
    std::optional<Rope::SealJob> next = (this->*rope).NextSeal();
    if (!next) continue;
    SealJob job;
    job.rope_ = rope;
    job.job_ = std::move(*next);
    return job;
  }
  return std::nullopt;
}

bool PackumentRope::Install(SealJob job) { return (this->*job.rope_).Install(std::move(job.job_)); }

Status PackumentRope::Seal() {
  RETURN_IF_ERROR(full_.Seal());
  RETURN_IF_ERROR(abbreviated_.Seal());
  return times_.Seal();
}

size_t PackumentRope::memory_bytes() const {
  size_t bytes = sizeof(*this) + base_url_.capacity() + escaped_base_url_.capacity() + HeapBytes(head_) +
                 full_.memory_bytes() + abbreviated_.memory_bytes() + times_.memory_bytes();
  for (const CompressedFrame* frame : {&full_frame_, &abbreviated_frame_}) {
    bytes += frame->opening.stream().memory_bytes() + frame->middle.stream().memory_bytes() +
             frame->time_end.stream().memory_bytes() + frame->closing.stream().memory_bytes();
  }
  return bytes;
}

PackumentRopeBuilder::PackumentRopeBuilder(std::string base_url, const RopeLimits& limits)
    : rope_(std::make_unique<PackumentRope>(std::move(base_url), limits)),
      full_(limits),
      abbreviated_(limits),
      times_(limits) {}

void PackumentRopeBuilder::AddVersion(const VersionEntry& entry) {
  text_.clear();
  rope_->AppendVersionText(entry.version, entry.full, &text_);
  full_.Append(text_);
  text_.clear();
  rope_->AppendVersionText(entry.version, entry.abbreviated, &text_);
  abbreviated_.Append(text_);
}

void PackumentRopeBuilder::AddTime(std::string_view version, uint64_t time_ms) {
  text_.clear();
  AppendTimeText(version, time_ms, &text_);
  times_.Append(text_);
}

std::unique_ptr<PackumentRope> PackumentRopeBuilder::Finish(PackumentHead head) {
  rope_->full_ = full_.Finish();
  rope_->abbreviated_ = abbreviated_.Finish();
  rope_->times_ = times_.Finish();
  rope_->SetHead(std::move(head));
  return std::move(rope_);
}

}  // namespace tarn::registry
