#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "http/net/admission.h"
#include "http/net/executor.h"
#include "http/net/handler.h"
#include "replication/follower.h"
#include "storage/base/http_client.h"
#include "storage/base/mutex.h"

namespace tarn::http {

class Api;

// What a follower asks of its leader on behalf of a client: writes are passed on, and before "there is no such thing" is said
// the leader is asked how far it is.
// Threads: core threads; what blocks runs on the executor.
class Forwarder {
 public:
  struct Options {
    replication::PeerOptions leader;
    size_t concurrent_max;  // Each holds up to two threads of the write class.
  };
  Forwarder(Options options, Api& api, replication::Follower& follower, Executor& executor);

  // The leader's answer, once what it wrote is visible here too.
  Task<Response> Forward(Request request);
  // Waits until this node has everything the leader had when it was asked. kUnavailable: the leader cannot be reached;
  // kDeadlineExceeded: this node is too far behind.
  Task<Status> CatchUp();
  // Ends the requests that are under way.
  void Stop();

 private:
  struct Exchange;
  class AnswerSink;
  class Rest;
  class Lent;
  HttpRequest MakeRequest(const Request& request) const;
  void Send(Exchange* exchange);
  Response Answer(const Exchange& exchange) const;
  std::unique_ptr<HttpClient> Borrow() EXCLUDES(mutex_);
  void GiveBack(std::unique_ptr<HttpClient> client) EXCLUDES(mutex_);

  const Options options_;
  Api& api_;
  replication::Follower& follower_;
  Executor& executor_;
  Admission places_;
  Mutex mutex_;
  std::vector<std::unique_ptr<HttpClient>> idle_ GUARDED_BY(mutex_);
  std::set<HttpClient*> lent_ GUARDED_BY(mutex_);  // Under way; cancelled by Stop.
  bool is_stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace tarn::http
