#include "http/peer/forwarder.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <utility>

#include "http/api/api.h"
#include "http/api/error_response.h"
#include "http/net/body_stream.h"
#include "http/peer/body_pipe.h"
#include "storage/base/replication_limits.h"

namespace tarn::http {
namespace {

constexpr size_t kAnswerHeldBytes = 1 << 20;  // A larger answer is passed on while it comes.
constexpr uint64_t kBusyMs = 50;
constexpr uint64_t kProbeMs = 2'000;
constexpr uint64_t kForwardIdleMs = 30'000;

// Of one connection, or made anew for the next one.
bool IsHopByHop(std::string_view name) {
  constexpr std::string_view kNames[] = {"connection", "keep-alive",       "transfer-encoding",
                                         "te",         "trailer",          "upgrade",
                                         "host",       "content-length",   "expect",
                                         "date",       "accept-encoding",  "x-request-id",
                                         "forwarded",  "proxy-connection", "tarn-forwarded",
                                         "server"};
  return std::ranges::any_of(kNames, [name](std::string_view known) { return EqualsIgnoreCase(name, known); });
}

bool IsForwarding(std::string_view name) {
  return name.size() > 12 && EqualsIgnoreCase(name.substr(0, 12), "x-forwarded-");
}

// However a coroutine ends, whoever waits for its body does not wait for ever.
class EndOfBody {
 public:
  explicit EndOfBody(BodyPipe* pipe) : pipe_(pipe) {}
  ~EndOfBody() { pipe_->End(Cancelled("the client is gone")); }
  EndOfBody(const EndOfBody&) = delete;
  EndOfBody& operator=(const EndOfBody&) = delete;

 private:
  BodyPipe* const pipe_;
};

Admission::Options PlacesOf(size_t concurrent_max) {
  Admission::Options options;
  const Admission::ClassOptions places{concurrent_max, UINT64_MAX, limits::kAdmissionWaitingMax,
                                       limits::kAdmissionWaitMs};
  options.write = places;
  options.metadata = places;
  return options;
}

}  // namespace

// One request on its way. Owners: the coroutine, and the job that sends it.
struct Forwarder::Exchange {
  HttpRequest request;
  BodyPipe pipe;
  bool has_body = false;
  bool may_have_arrived = false;  // Set before `answer`.
  Mutex mutex;
  CondVar answered;
  std::optional<Result<HttpAnswer>> answer GUARDED_BY(mutex);
  // Of a large answer: `answer` has its head and its first bytes, `rest` what follows.
  std::atomic<bool> is_large{false};
  std::atomic<bool> is_left{false};  // Nobody wants the rest any more.
  BodyPipe rest;

  void SetAnswer(Result<HttpAnswer> result) {
    MutexLock lock(mutex);
    answer = std::move(result);
    answered.NotifyAll();
  }
};

// Takes the leader's answer as it comes: small ones whole, of large ones what the client has room for.
class Forwarder::AnswerSink final : public HttpBodySink {
 public:
  explicit AnswerSink(Exchange* exchange) : exchange_(*exchange) {}
  Status Start(const HttpAnswer& head) override {
    answer_ = head;
    return OkStatus();
  }
  Status Piece(std::string_view bytes) override {
    if (exchange_.is_left.load()) return Cancelled("the client is gone");
    if (exchange_.is_large.load()) {
      exchange_.rest.Push(bytes);
      return OkStatus();
    }
    answer_.body.append(bytes);
    if (answer_.body.size() <= kAnswerHeldBytes) return OkStatus();
    exchange_.is_large.store(true);
    exchange_.SetAnswer(std::move(answer_));
    return OkStatus();
  }
  // The transfer is over.
  void Finish(const Status& ended) {
    if (exchange_.is_large.load()) {
      exchange_.rest.End(ended);
    } else {
      exchange_.SetAnswer(ended.ok() ? Result<HttpAnswer>(std::move(answer_)) : Result<HttpAnswer>(ended));
    }
  }

 private:
  Exchange& exchange_;
  HttpAnswer answer_;
};

// The body of a large answer, at the client's pace. Keeps its place among those that are passed on.
class Forwarder::Rest final : public BodyStream {
 public:
  Rest(std::shared_ptr<Exchange> exchange, std::string first, Admission::Permit permit, Executor* executor)
      : exchange_(std::move(exchange)), first_(std::move(first)), permit_(std::move(permit)), executor_(executor) {}
  ~Rest() override {
    exchange_->is_left.store(true);
    exchange_->rest.Abandon();
  }
  Task<StreamStep> Next(Mode) override {
    if (!first_.empty()) co_return StreamStep::Bytes(std::exchange(first_, ""));
    auto pull = [exchange = exchange_]() -> Result<std::string> {
      ASSIGN_OR_RETURN(const std::string_view piece, exchange->rest.Pull());
      return std::string(piece);
    };
    auto piece = co_await executor_->Run(WorkClass::kWrite, std::move(pull));
    if (piece.code() == Code::kResourceExhausted) {
      co_return StreamStep::Wait(SystemClock().MonotonicMs() + kBusyMs);
    }
    if (!piece.ok()) co_return StreamStep::Broken();
    if (piece->empty()) co_return StreamStep::End();
    co_return StreamStep::Bytes(*std::move(piece));
  }

 private:
  const std::shared_ptr<Exchange> exchange_;
  std::string first_;
  const Admission::Permit permit_;
  Executor* const executor_;
};

Forwarder::Forwarder(Options options, Api& api, replication::Follower& follower, Executor& executor)
    : options_(std::move(options)),
      api_(api),
      follower_(follower),
      executor_(executor),
      places_(PlacesOf(options_.concurrent_max)) {}

void Forwarder::Stop() {
  MutexLock lock(mutex_);
  is_stopped_ = true;
  idle_.clear();
  for (HttpClient* client : lent_) client->Cancel();
}

std::unique_ptr<HttpClient> Forwarder::Borrow() {
  MutexLock lock(mutex_);
  std::unique_ptr<HttpClient> client;
  if (idle_.empty()) {
    client = std::make_unique<HttpClient>(HttpClient::Options{.user_agent = "tarn", .tls = options_.leader.tls});
  } else {
    client = std::move(idle_.back());
    idle_.pop_back();
  }
  if (is_stopped_) client->Cancel();
  lent_.insert(client.get());
  return client;
}

void Forwarder::GiveBack(std::unique_ptr<HttpClient> client) {
  MutexLock lock(mutex_);
  lent_.erase(client.get());
  if (!is_stopped_ && idle_.size() < options_.concurrent_max) idle_.push_back(std::move(client));
}

HttpRequest Forwarder::MakeRequest(const Request& request) const {
  HttpRequest out;
  out.method = std::string(request.head.method_name);
  std::string base = options_.leader.url;
  while (base.ends_with('/')) base.pop_back();
  const std::string own_base = api_.BaseUrlOf(request.head, request.peer);
  std::string_view target = request.head.target;
  const std::string_view own_path = BaseUrls::PathOf(own_base);
  if (target.starts_with(own_path)) target.remove_prefix(own_path.size());
  out.url = base + std::string(target);
  for (const HeaderField& field : request.head.fields()) {
    if (IsHopByHop(field.name) || IsForwarding(field.name)) continue;
    out.headers.push_back({std::string(field.name), std::string(field.value)});
  }
  // What the client sees of itself and of the registry's address; believed for the secret's sake.
  out.headers.push_back({"tarn-forwarded", options_.leader.secret});
  out.headers.push_back({"x-forwarded-for", api_.ClientAddressOf(request.head, request.peer)});
  const size_t scheme_end = own_base.find("://");
  if (scheme_end != std::string::npos) {
    out.headers.push_back({"x-forwarded-proto", own_base.substr(0, scheme_end)});
    const std::string rest = own_base.substr(scheme_end + 3);
    out.headers.push_back({"x-forwarded-host", rest.substr(0, rest.find('/'))});
    if (!own_path.empty()) out.headers.push_back({"x-forwarded-prefix", std::string(own_path)});
  }
  out.body_bytes_max = UINT64_MAX;  // Not held here.
  out.idle_timeout_ms = kForwardIdleMs;
  return out;
}

// On an executor thread.
void Forwarder::Send(Exchange* exchange) {
  auto client = Borrow();
  AnswerSink sink(exchange);
  const Status ended = client->Stream(exchange->request, sink).status();
  exchange->pipe.Abandon();
  exchange->may_have_arrived = client->may_have_arrived();
  GiveBack(std::move(client));
  sink.Finish(ended);
}

Response Forwarder::Answer(const Exchange& exchange_in) const {
  Exchange& exchange = const_cast<Exchange&>(exchange_in);
  MutexLock lock(exchange.mutex);
  const Result<HttpAnswer>& answer = *exchange.answer;
  if (!answer.ok()) {
    // A body of which a part is missing is nothing that anybody saves.
    const bool may_be_saved =
        exchange.may_have_arrived && (!exchange.has_body || exchange.pipe.may_be_whole(exchange.request.body_bytes));
    return ErrorResponse(
        503, may_be_saved ? "The region that takes writes did not answer; whether this was saved is not known. Trying "
                            "again is safe."
                          : "The region that takes writes cannot be reached; nothing was saved. Trying again is safe.");
  }
  Response response;
  response.set_status(static_cast<uint16_t>(answer->status));
  for (const HttpHeader& header : answer->headers) {
    if (!IsHopByHop(header.name)) response.AddHeader(header.name, header.value);
  }
  if (MayHaveBody(response.status()) && !exchange.is_large.load()) response.SetBody(answer->body);
  // What was written there is to be read here: the client's next request may be a GET.
  const std::string_view lsn_text = answer->Header("tarn-lsn");
  uint64_t lsn = 0;
  std::from_chars(lsn_text.data(), lsn_text.data() + lsn_text.size(), lsn);
  if (lsn != 0) (void)follower_.WaitForApplied(Lsn(lsn), limits::kReadYourPublishMs);
  return response;
}

Task<Response> Forwarder::Forward(Request request) {
  auto permit = co_await places_.Enter(AdmissionClass::kWrite, 0);
  if (!permit.ok()) co_return ErrorResponse(permit.status());
  auto exchange = std::make_shared<Exchange>();
  exchange->request = MakeRequest(request);
  exchange->has_body = request.head.body_kind != BodyKind::kNone;
  if (exchange->has_body) {
    exchange->request.body_source = [pipe = &exchange->pipe] { return pipe->Pull(); };
    if (request.head.body_kind == BodyKind::kContentLength) exchange->request.body_bytes = request.head.content_length;
  }
  const EndOfBody end(&exchange->pipe);
  const auto refused = [exchange](const Status& status) {
    exchange->pipe.Abandon();
    exchange->SetAnswer(status);
  };
  const Status posted = executor_.Post(
      WorkClass::kWrite, [this, exchange] { Send(exchange.get()); }, refused);
  if (!posted.ok()) co_return ErrorResponse(posted);
  while (exchange->has_body) {
    const auto piece = co_await request.body.Read();
    if (!piece.ok() || piece->empty()) {
      exchange->pipe.End(piece.status());
      break;
    }
    if (exchange->pipe.TryPush(*piece)) continue;
    auto push = [&exchange, &piece] { exchange->pipe.Push(*piece); };
    const Status pushed = co_await executor_.Run(WorkClass::kWrite, std::move(push));
    if (!pushed.ok()) {
      exchange->pipe.End(pushed);
      break;
    }
  }
  auto finish = [this, &exchange] {
    {
      MutexLock lock(exchange->mutex);
      while (!exchange->answer.has_value()) exchange->answered.Wait(exchange->mutex);
    }
    return Answer(*exchange);
  };
  auto response = co_await executor_.Run(WorkClass::kWrite, std::move(finish));
  if (!response.ok()) {
    exchange->is_left.store(true);
    exchange->rest.Abandon();
    co_return ErrorResponse(response.status());
  }
  if (exchange->is_large.load()) {
    std::string first;
    {
      MutexLock lock(exchange->mutex);
      first = std::move((*exchange->answer)->body);
    }
    response->SetStreamBody(std::make_unique<Rest>(exchange, std::move(first), std::move(*permit), &executor_));
  }
  co_return std::move(*response);
}

Task<Status> Forwarder::CatchUp() {
  const auto permit = co_await places_.Enter(AdmissionClass::kMetadata, 0);
  if (!permit.ok()) co_return permit.status();
  auto work = [this]() -> Status {
    auto client = Borrow();
    HttpRequest request;
    std::string base = options_.leader.url;
    while (base.ends_with('/')) base.pop_back();
    request.url = base + std::string(replication::kPathPrefix) + "lsn?of=leader";
    request.headers = {{"authorization", "Bearer " + options_.leader.secret}};
    request.total_timeout_ms = kProbeMs;
    const auto answer = client->Send(request);
    GiveBack(std::move(client));
    uint64_t lsn = 0;
    if (!answer.ok() || answer->status != 200 ||
        std::from_chars(answer->body.data(), answer->body.data() + answer->body.size(), lsn).ec != std::errc()) {
      return Unavailable("the leader cannot be asked");
    }
    return follower_.WaitForApplied(Lsn(lsn), limits::kReadYourPublishMs);
  };
  co_return co_await executor_.Run(WorkClass::kWrite, std::move(work));
}

}  // namespace tarn::http
