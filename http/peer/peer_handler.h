#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/net/executor.h"
#include "http/net/handler.h"
#include "http/peer/forwarder.h"
#include "replication/follower.h"
#include "replication/leader.h"

namespace tarn::http {

class Api;

// The handler of a node that has peers, before the registry's: serves `/-/replication/v1/…` to those who know the secret, and
// on a follower passes on what only the leader can answer. Everything else is the registry's.
class PeerHandler final : public Handler {
 public:
  struct Options {
    std::string secret;
    replication::Leader* leader = nullptr;  // One of the two.
    replication::Follower* follower = nullptr;
    Forwarder* forwarder = nullptr;  // Of a follower.
    engine::Store* store = nullptr;
    std::function<std::string()> status_json;
    // Asked by the leader in a planned switch: take over with this epoch.
    std::function<Status(Epoch)> take_over;
    // Another node leads in this epoch.
    std::function<void(Epoch)> fence;
    // A write begins; not OK: not now. Ended by `end_write`. Of a leader.
    std::function<Status()> begin_write;
    std::function<void()> end_write;
    // The operator's words, by the Unix socket.
    std::function<std::string()> divergence_json;
    std::function<Result<std::string>(bool is_dry_run)> reapply;  // JSON.
    std::function<Status(bool accept_loss)> promote;
    std::function<Status(const std::string& url)> demote;
  };
  PeerHandler(Options options, Api& api, Executor& executor);

  bool TryHandleFast(const RequestHead& head, const Peer& peer, Response* response) override;
  Task<Response> Handle(Request request) override;
  void MakeErrorResponse(uint16_t http_status, const Status& reason, Response* response) override;
  void AppendLoggableTarget(const RequestHead& head, std::string* out) const override;
  void OnRequestDone(const RequestSummary& summary) override;

 private:
  bool IsOurs(std::string_view shown) const;
  Task<Response> ServePeer(Request request);
  Task<Response> ServeOperator(Request request);
  Response ServeLsn(std::string_view query);
  Task<Response> ServeAck(Request request);
  Task<Response> ServeTakeOver(Request request);
  Task<Response> ServeFence(Request request);
  Task<Response> ServeHandOver(Request request);
  Task<Response> ServeCommit(Request request);
  Task<Response> ServeRegistry(Request request);
  Response ServeLog(std::string_view query);
  // On an executor thread.
  Response ServeRead(std::string_view path, std::string_view query);
  Response ServeBlob(std::string_view name);
  Response ServeSegments();
  Response ServeSegment(std::string_view name, std::string_view query);
  Response ServeChain(std::string_view query);

  const Options options_;
  Api& api_;
  Executor& executor_;
};

}  // namespace tarn::http
