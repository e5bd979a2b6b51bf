#include "storage/registry/upload.h"

#include "storage/base/limits.h"
#include "storage/registry/attestations.h"
#include "storage/registry/change_rules.h"
#include "storage/registry/publish_request.h"
#include "storage/registry/staged_versions.h"

namespace tarn::registry {
namespace {

PublishDocumentParser::Limits ParserLimits(const RegistryOptions& options) {
  PublishDocumentParser::Limits limits;
  limits.metadata_bytes_max = options.metadata_bytes_max;
  limits.tarball_bytes_max = options.tarball_bytes_max;
  return limits;
}

TarballInspector::Limits InspectorLimits(const RegistryOptions& options) {
  TarballInspector::Limits limits;
  limits.inflated_bytes_max = options.tarball_inflated_bytes_max;
  return limits;
}

}  // namespace

Status TarballReceiver::Begin(std::string_view, std::string_view) {
  RETURN_IF_ERROR(denial_);
  ASSIGN_OR_RETURN(writer_, blobs_->NewWriter());
  return OkStatus();
}

Status TarballReceiver::Append(std::string_view bytes) {
  RETURN_IF_ERROR(inspector_.Append(bytes));
  return writer_->Append(bytes);
}

Status TarballReceiver::End() {
  ASSIGN_OR_RETURN(report_, inspector_.Finish());
  ASSIGN_OR_RETURN(blob_, writer_->Finish());
  writer_.reset();
  return OkStatus();
}

PackageUploadImpl::PackageUploadImpl(engine::BlobStore* blobs, PackageWriter* writer, const RegistryOptions& options,
                                     const Principal& principal, const PackageName& name,
                                     std::optional<std::string> rev, PackageWriter::Admission admission)
    : blobs_(blobs),
      writer_(writer),
      staged_(nullptr),
      principal_(principal),
      name_(name),
      rev_(std::move(rev)),
      denial_(std::move(admission.denial)),
      receiver_(blobs, InspectorLimits(options), denial_),
      parser_(&receiver_, ParserLimits(options)) {}

PackageUploadImpl::PackageUploadImpl(engine::BlobStore* blobs, StagedVersions* staged, const RegistryOptions& options,
                                     const Principal& principal, const PackageName& name)
    : blobs_(blobs),
      writer_(nullptr),
      staged_(staged),
      principal_(principal),
      name_(name),
      receiver_(blobs, InspectorLimits(options), denial_),
      parser_(&receiver_, ParserLimits(options)) {}

Status PackageUploadImpl::Consume(std::string_view bytes) {
  consumed_bytes_ += bytes.size();
  // A stranger may put a star, and no more is read of them than that takes.
  if (consumed_bytes_ > limits::kStarBodyBytesMax) RETURN_IF_ERROR(denial_);
  return parser_.Append(bytes);
}

Result<WriteAnswer> PackageUploadImpl::Finish() {
  ASSIGN_OR_RETURN(PublishDocument document, parser_.Finish());
  ASSIGN_OR_RETURN(const PublishRequest request, ParsePublishRequest(std::move(document.skeleton)));
  ASSIGN_OR_RETURN(const WriteKind kind,
                   ClassifyWrite(request, receiver_.blob() != nullptr, rev_ ? RevInPath::kYes : RevInPath::kNo));
  if (kind != WriteKind::kStars) RETURN_IF_ERROR(denial_);
  if (kind == WriteKind::kPublish) return Publish(request, document);
  if (staged_ != nullptr) return InvalidArgument("the document has no tarball in _attachments: nothing to stage");
  return writer_->Change(principal_, name_, rev_, request, kind);
}

Result<WriteAnswer> PackageUploadImpl::Publish(const PublishRequest& request, const PublishDocument& document) {
  const std::shared_ptr<engine::StagedBlob> tarball = receiver_.blob();
  ASSIGN_OR_RETURN(NewVersion candidate,
                   CheckPublishRequest(name_, request, document.attachments, {tarball->info(), receiver_.report()}));
  ASSIGN_OR_RETURN(const auto bundle, StoreBundle(document, &candidate.record));
  std::vector<std::shared_ptr<engine::StagedBlob>> blobs = {tarball};
  if (bundle != nullptr) blobs.push_back(bundle);
  if (staged_ != nullptr) return staged_->Stage(principal_, name_, candidate, blobs);
  return writer_->Publish(principal_, name_, rev_, candidate, blobs);
}

Result<std::shared_ptr<engine::StagedBlob>> PackageUploadImpl::StoreBundle(const PublishDocument& document,
                                                                           VersionRecord* record) {
  for (const PublishAttachment& attachment : document.attachments) {
    if (attachment.kind != PublishAttachment::Kind::kBundle) continue;
    ASSIGN_OR_RETURN(std::string predicate_type, CheckProvenance(attachment.bundle_text, name_, *record));
    ASSIGN_OR_RETURN(const auto writer, blobs_->NewWriter());
    RETURN_IF_ERROR(writer->Append(attachment.bundle_text));
    ASSIGN_OR_RETURN(auto blob, writer->Finish());
    record->bundle = AttestationBundle{blob->info().sha512, blob->info().size_bytes, attachment.content_type,
                                       std::move(predicate_type)};
    return std::shared_ptr<engine::StagedBlob>(std::move(blob));
  }
  return std::shared_ptr<engine::StagedBlob>();
}

}  // namespace tarn::registry
