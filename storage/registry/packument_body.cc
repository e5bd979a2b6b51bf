#include "storage/registry/packument_body.h"

#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/checksum.h"

namespace tarn::registry {
namespace {

// RFC 1952: magic, deflate, no flags, no time, no extra flags, unknown system. The same for all, so
// that equal content gives equal bytes.
constexpr std::string_view kGzipHeader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10);
constexpr std::string_view kFinalBlock("\x03\x00", 2);
constexpr size_t kGzipTrailerBytes = 8;  // CRC-32, then the length modulo 2^32.

}  // namespace

std::string PackumentETag(std::string_view rev, std::string_view base_url, PackumentForm form, PackumentCoding coding) {
  std::string hash;
  AppendBigEndian32(&hash, static_cast<uint32_t>(Checksum64(base_url)));
  std::string etag = "\"";
  etag.append(rev).append(1, '-');
  etag.push_back(form == PackumentForm::kFull ? 'f' : 'a');
  etag.push_back(coding == PackumentCoding::kGzip ? 'g' : 'i');
  etag.append(1, '-').append(HexEncode(hash)).append(1, '"');
  return etag;
}

void AssembleGzipMember(std::string_view opening, std::vector<SharedBytes> middle, std::string_view ending,
                        const DeflateExtent& content, PackumentBody* body) {
  std::string first(kGzipHeader);
  first.append(opening);
  std::string last;
  last.reserve(ending.size() + kFinalBlock.size() + kGzipTrailerBytes);
  last.append(ending).append(kFinalBlock);
  AppendLittleEndian(&last, content.crc32);
  AppendLittleEndian(&last, static_cast<uint32_t>(content.plain_bytes));

  body->buffers.reserve(middle.size() + 2);
  body->buffers.push_back(std::make_shared<const std::string>(std::move(first)));
  for (SharedBytes& buffer : middle) body->buffers.push_back(std::move(buffer));
  body->buffers.push_back(std::make_shared<const std::string>(std::move(last)));
  body->length = kGzipHeader.size() + content.deflated_bytes + kFinalBlock.size() + kGzipTrailerBytes;
  body->identity_length = content.plain_bytes;
}

Result<std::shared_ptr<const PackumentBody>> InflatePackument(const PackumentBody& gzip, std::string etag) {
  CHECK(gzip.coding == PackumentCoding::kGzip);
  std::string member;
  member.reserve(static_cast<size_t>(gzip.length));
  for (const SharedBytes& buffer : gzip.buffers) member.append(*buffer);
  CHECK(member.size() == gzip.length);
  const std::string_view blocks = std::string_view(member).substr(
      kGzipHeader.size(), member.size() - kGzipHeader.size() - kFinalBlock.size() - kGzipTrailerBytes);
  const DeflateExtent extent{.deflated_bytes = blocks.size(),
                             .plain_bytes = gzip.identity_length,
                             .crc32 = LoadLittleEndian<uint32_t>(member.data() + member.size() - kGzipTrailerBytes)};
  std::string plain;
  RETURN_IF_ERROR(AppendInflated(blocks, extent, &plain).WithContext("packument body"));

  auto body = std::make_shared<PackumentBody>();
  body->form = gzip.form;
  body->coding = PackumentCoding::kIdentity;
  body->length = plain.size();
  body->identity_length = plain.size();
  body->buffers.push_back(std::make_shared<const std::string>(std::move(plain)));
  body->etag = std::move(etag);
  body->rev = gzip.rev;
  body->modified_ms = gzip.modified_ms;
  body->is_restricted = gzip.is_restricted;
  return std::shared_ptr<const PackumentBody>(std::move(body));
}

}  // namespace tarn::registry
