#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/registry/package_writer.h"
#include "storage/registry/publish_document.h"
#include "storage/registry/registry.h"
#include "storage/registry/tarball_inspector.h"

namespace tarn::registry {

class StagedVersions;

// The tarball of one publish on its way in: each piece is inspected and written as it comes; nothing is kept here.
// Errors: those of TarballInspector and BlobWriter. Threads: one at a time.
class TarballReceiver final : public AttachmentSink {
 public:
  //   denial  what to answer instead of taking a tarball; OK to take it.
  TarballReceiver(engine::BlobStore* blobs, const TarballInspector::Limits& inspector_limits, Status denial)
      : blobs_(blobs), inspector_(inspector_limits), denial_(std::move(denial)) {}

  Status Begin(std::string_view name, std::string_view content_type) override;
  Status Append(std::string_view bytes) override;
  Status End() override;

  // After End; nullptr when no tarball came.
  std::shared_ptr<engine::StagedBlob> blob() const { return blob_; }
  const TarballReport& report() const { return report_; }

 private:
  engine::BlobStore* const blobs_;
  TarballInspector inspector_;
  const Status denial_;
  std::unique_ptr<BlobWriter> writer_;
  std::shared_ptr<engine::StagedBlob> blob_;
  TarballReport report_;
};

// PackageUpload over the pieces: PublishDocumentParser takes the body apart, TarballReceiver takes the tarball, the
// rules decide, PackageWriter commits. Memory: the document without its tarball, and what BlobWriter holds.
class PackageUploadImpl final : public PackageUpload {
 public:
  PackageUploadImpl(engine::BlobStore* blobs, PackageWriter* writer, const RegistryOptions& options,
                    const Principal& principal, const PackageName& name, std::optional<std::string> rev,
                    PackageWriter::Admission admission);

  // One whose version is staged and not published.
  PackageUploadImpl(engine::BlobStore* blobs, StagedVersions* staged, const RegistryOptions& options,
                    const Principal& principal, const PackageName& name);

  Status Consume(std::string_view bytes) override;
  Result<WriteAnswer> Finish() override;

 private:
  Result<WriteAnswer> Publish(const PublishRequest& request, const PublishDocument& document);
  // The sigstore bundle that came with the tarball, if one did, as a blob.
  Result<std::shared_ptr<engine::StagedBlob>> StoreBundle(const PublishDocument& document, VersionRecord* record);

  engine::BlobStore* const blobs_;
  PackageWriter* const writer_;   // nullptr: to be staged.
  StagedVersions* const staged_;  // nullptr: to be written.
  const Principal principal_;
  const PackageName name_;
  const std::optional<std::string> rev_;
  const Status denial_;
  TarballReceiver receiver_;
  PublishDocumentParser parser_;
  uint64_t consumed_bytes_ = 0;
};

}  // namespace tarn::registry
