#pragma once

#include "http/api/routes.h"

// One function per route, grouped by file. Each checks its input, calls the registry and makes the answer; errors go
// through ErrorResponse. They run on an executor thread, but for those that routes.cc lists as kAtOnce.
namespace tarn::http {

// status_handlers.cc
Response HandleHealth(const Services& services, const Call& call);
Response HandleReady(const Services& services, const Call& call);
Response HandleMetrics(const Services& services, const Call& call);
Response HandlePing(const Services& services, const Call& call);

// replication_handlers.cc
Response HandleRoot(const Services& services, const Call& call);
Response HandleChanges(const Services& services, const Call& call);
Response HandleAllDocs(const Services& services, const Call& call);
Response HandleBulkGet(const Services& services, const Call& call);
Response HandleGetCheckpoint(const Services& services, const Call& call);
Response HandlePutCheckpoint(const Services& services, const Call& call);
// "GET /{pkg}" with rev, revs or open_revs in its query is CouchDB's way of reading, not npm's.
bool AsksForRevision(const Call& call);
Response HandleGetRevision(const Services& services, const Call& call);

// download_handlers.cc
Response HandleDownloadsPoint(const Services& services, const Call& call);
Response HandleDownloadsRange(const Services& services, const Call& call);
Response HandleVersionDownloads(const Services& services, const Call& call);

// web_login_handlers.cc
Response HandleWebLogin(const Services& services, const Call& call);
Response HandleWebLoginPage(const Services& services, const Call& call);
Response HandleWebLoginForm(const Services& services, const Call& call);
Response HandleWebLoginPoll(const Services& services, const Call& call);

// account_handlers.cc
Response HandleLogin(const Services& services, const Call& call);
Response HandleGetUser(const Services& services, const Call& call);
Response HandleLogout(const Services& services, const Call& call);
Response HandleWhoami(const Services& services, const Call& call);

// profile_handlers.cc
Response HandleGetProfile(const Services& services, const Call& call);
Response HandleSetProfile(const Services& services, const Call& call);

// token_handlers.cc
Response HandleListTokens(const Services& services, const Call& call);
Response HandleCreateToken(const Services& services, const Call& call);
Response HandleRevokeToken(const Services& services, const Call& call);

// trust_handlers.cc
Response HandleSigningKeys(const Services& services, const Call& call);
Response HandleAttestations(const Services& services, const Call& call);
Response HandleOperatorListKeys(const Services& services, const Call& call);
Response HandleOperatorRotateKey(const Services& services, const Call& call);

// trusted_publishing_handlers.cc
Response HandleExchangeToken(const Services& services, const Call& call);
Response HandleListTrust(const Services& services, const Call& call);
Response HandleCreateTrust(const Services& services, const Call& call);
Response HandleRevokeTrust(const Services& services, const Call& call);

// audit_handlers.cc
Response HandleBulkAudit(const Services& services, const Call& call);
Response HandleTreeAudit(const Services& services, const Call& call);

// advisory_handlers.cc
Response HandleOperatorImportAdvisories(const Services& services, const Call& call);
Response HandleOperatorListAdvisories(const Services& services, const Call& call);
Response HandleOperatorRemoveAdvisories(const Services& services, const Call& call);

// hook_handlers.cc
Response HandleCreateHook(const Services& services, const Call& call);
Response HandleListHooks(const Services& services, const Call& call);
Response HandleGetHook(const Services& services, const Call& call);
Response HandleUpdateHook(const Services& services, const Call& call);
Response HandleRemoveHook(const Services& services, const Call& call);
Response HandleOperatorStartJob(const Services& services, const Call& call);
Response HandleOperatorJob(const Services& services, const Call& call);
Response HandleOperatorListHooks(const Services& services, const Call& call);
Response HandleOperatorReplayHook(const Services& services, const Call& call);

// star_handlers.cc
Response HandlePutStar(const Services& services, const Call& call);
Response HandleRemoveStar(const Services& services, const Call& call);
Response HandlePutStarOfPackage(const Services& services, const Call& call);
Response HandleRemoveStarOfPackage(const Services& services, const Call& call);
Response HandleOwnStars(const Services& services, const Call& call);
Response HandleStarsOfUser(const Services& services, const Call& call);

// listing_handlers.cc
Response HandleView(const Services& services, const Call& call);
Response HandleByUser(const Services& services, const Call& call);
Response HandleStarredByUser(const Services& services, const Call& call);
Response HandleAllPackages(const Services& services, const Call& call);
Response HandlePackagesSince(const Services& services, const Call& call);

// search_handler.cc
Response HandleSearch(const Services& services, const Call& call);

// access_handlers.cc
Response HandleGetDistTags(const Services& services, const Call& call);
Response HandleGetDistTag(const Services& services, const Call& call);
Response HandleSetDistTag(const Services& services, const Call& call);
Response HandleRemoveDistTag(const Services& services, const Call& call);
Response HandleVisibility(const Services& services, const Call& call);
Response HandleGetAccess(const Services& services, const Call& call);
Response HandleSetAccess(const Services& services, const Call& call);
Response HandleCollaborators(const Services& services, const Call& call);
Response HandlePackagesOfScope(const Services& services, const Call& call);
Response HandlePackagesOfUser(const Services& services, const Call& call);
Response HandleOwnPackages(const Services& services, const Call& call);

// org_handlers.cc
Response HandleOrgMembers(const Services& services, const Call& call);
Response HandleSetOrgMember(const Services& services, const Call& call);
Response HandleRemoveOrgMember(const Services& services, const Call& call);
Response HandleTeams(const Services& services, const Call& call);
Response HandleCreateTeam(const Services& services, const Call& call);
Response HandleDestroyTeam(const Services& services, const Call& call);
Response HandleTeamMembers(const Services& services, const Call& call);
Response HandleAddToTeam(const Services& services, const Call& call);
Response HandleRemoveFromTeam(const Services& services, const Call& call);
Response HandleTeamPackages(const Services& services, const Call& call);
Response HandleGrant(const Services& services, const Call& call);
Response HandleRevoke(const Services& services, const Call& call);

// owner_handlers.cc
Response HandleGetOwners(const Services& services, const Call& call);
Response HandleAddOwner(const Services& services, const Call& call);
Response HandleRemoveOwner(const Services& services, const Call& call);

// stage_handlers.cc
Response HandleListStaged(const Services& services, const Call& call);
Response HandleGetStaged(const Services& services, const Call& call);
Response HandleGetStagedTarball(const Services& services, const Call& call);
Response HandleApproveStaged(const Services& services, const Call& call);
Response HandleRejectStaged(const Services& services, const Call& call);
// After an upload whose version is staged.
Response StagedResponse(const Services& services, const registry::WriteAnswer& answer);

// operator_handlers.cc
Response HandleOperatorStatus(const Services& services, const Call& call);
Response HandleOperatorListUsers(const Services& services, const Call& call);
Response HandleOperatorAddUser(const Services& services, const Call& call);
Response HandleOperatorSetPassword(const Services& services, const Call& call);
Response HandleOperatorResetSecondFactor(const Services& services, const Call& call);
Response HandleOperatorRemoveUser(const Services& services, const Call& call);
Response HandleOperatorListTokens(const Services& services, const Call& call);
Response HandleOperatorCreateToken(const Services& services, const Call& call);
Response HandleOperatorRevokeToken(const Services& services, const Call& call);

// package_handlers.cc
Response HandleGetPackument(const Services& services, const Call& call);
Response HandleGetManifest(const Services& services, const Call& call);
Response HandleGetTarball(const Services& services, const Call& call);
Response HandleGetNestedTarball(const Services& services, const Call& call);
Response HandleUnpublish(const Services& services, const Call& call);
Response HandleDeleteTarball(const Services& services, const Call& call);

// --- shared by the files above (json_response.cc) ---
// The package of the path. A name that cannot exist does not: kNotFound, as cheap as any.
Result<registry::PackageName> PackageOf(const Call& call);
Response JsonResponse(uint16_t http_status, std::string body);
// no-store, for whatever depends on who asks.
Response PrivateJsonResponse(uint16_t http_status, std::string body);
// tarn-lsn, by which a follower can wait for a write.
void AddLsn(const Services& services, Response* response);
// {"ok":true,"success":true,"id":…,"rev":…} or the error. Carries tarn-lsn.
Response WriteResponse(const Services& services, const Result<registry::WriteAnswer>& answer);
// {"a":"read",…}
std::string PermissionMap(const std::vector<std::pair<std::string, std::string>>& permissions);

}  // namespace tarn::http
