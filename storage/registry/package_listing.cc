#include "storage/registry/package_listing.h"

#include "storage/registry/package_state.h"

namespace tarn::registry {

using engine::Family;

Status PackageListing::CheckMayAsk(const Principal& principal) const {
  if (read_access_ == RegistryOptions::ReadAccess::kAnyone || principal.is_authenticated()) return OkStatus();
  return Unauthenticated("This registry is private: log in first.");
}

Status PackageListing::AddVisible(const engine::ReadView& view, const Principal& principal,
                                  const std::vector<std::string>& names, ListedPiece* piece) const {
  for (const std::string& text : names) {
    ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(text));
    auto visible = ReadVisiblePackage(view, principal, name);
    if (visible.code() == Code::kNotFound) continue;
    RETURN_IF_ERROR(visible.status());
    if (visible->record.version_count == 0) continue;
    piece->packages.push_back({text, std::move(visible->record)});
  }
  return OkStatus();
}

Result<ListedPiece> PackageListing::All(const Principal& principal, const std::string& first) const {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ListedPiece piece;
  std::vector<std::string> names;
  RETURN_IF_ERROR(view->Scan(Family::kPackage, engine::NameKey(first), "", [&](std::string_view key, std::string_view) {
    if (names.size() >= limits::kFeedRowsPerPiece) {
      piece.next = key;
      return false;
    }
    names.emplace_back(key);
    return true;
  }));
  RETURN_IF_ERROR(AddVisible(*view, principal, names, &piece));
  return piece;
}

Result<ListedPiece> PackageListing::OfUser(const Principal& principal, const std::string& user, engine::ByUserKind kind,
                                           const std::string& first) const {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ListedPiece piece;
  if (user.empty() || user.size() > limits::kUserNameBytesMax || user.find('\0') != std::string::npos) return piece;
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  std::vector<std::string> names;
  Status failed;
  const std::string prefix = engine::ByUserPrefix(user, kind);
  RETURN_IF_ERROR(view->Scan(Family::kByUser, prefix + first, engine::PrefixEnd(prefix),
                             [&](std::string_view key, std::string_view) {
                               const auto item = engine::ParseByUserItem(key, user);
                               if (!item.ok()) {
                                 failed = item.status();
                                 return false;
                               }
                               if (names.size() >= limits::kFeedRowsPerPiece) {
                                 piece.next = *item;
                                 return false;
                               }
                               names.emplace_back(*item);
                               return true;
                             }));
  RETURN_IF_ERROR(failed);
  RETURN_IF_ERROR(AddVisible(*view, principal, names, &piece));
  return piece;
}

Result<std::vector<std::string>> PackageListing::StarsOf(const Principal& principal, const PackageName& name) const {
  RETURN_IF_ERROR(CheckMayAsk(principal));
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(VisiblePackage visible, ReadVisiblePackage(*view, principal, name));
  return std::move(visible.record.stars);
}

}  // namespace tarn::registry
