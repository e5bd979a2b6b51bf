#include "http/net/connection.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"

namespace tarn::http {
namespace {

// A connection that was in the kernel's queue when the drain began may send its first request for so long.
constexpr uint64_t kDrainFirstRequestMs = 1000;

}  // namespace

Connection::Connection(Core& core, int fd, Peer peer, Purpose purpose)
    : core_(core),
      stream_(core.context(), fd),
      peer_(std::move(peer)),
      purpose_(purpose),
      body_(*this),
      send_rate_(core.options().connection.rate_window_ms, core.options().connection.send_rate_min),
      idle_since_ms_(core.NowUs() / 1000) {}

Connection::~Connection() = default;

void Connection::StartDrain() {
  // A stream that waits ends as it is; one that is being sent is asked to.
  if (wait_ == Wait::kIdle || wait_ == Wait::kStream) stream_.CancelWaits();
}

void Connection::Cut() {
  cut_ = true;
  stream_.ShutdownBoth();
  stream_.CancelWaits();
}

void Connection::OnDeadline(uint64_t now_ms) {
  RateWindow* const rate = wait_ == Wait::kBody ? body_.rate() : wait_ == Wait::kSend ? &send_rate_ : nullptr;
  if (rate != nullptr && rate->Pass(now_ms)) {
    Arm(rate->deadline_ms());
    return;
  }
  timed_out_ = wait_ != Wait::kStream;  // That was the end of a wait, not of somebody's patience.
  stream_.CancelWaits();
}

Task<void> Connection::Run() {
  while (true) {
    Arrival arrival = ParseHead();  // A pipelined request is here already.
    if (arrival == Arrival::kNothingYet) arrival = co_await WaitForHead();
    if (arrival == Arrival::kClosed) break;

    id_ = core_.stamp().NextId();
    sent_bytes_ = 0;
    fast_ = arrival == Arrival::kRequest && TryFast();
    if (!fast_) co_await MakeAnswer(arrival);
    SendState sent = StartSend(arrival);
    if (sent == SendState::kBlocked) sent = co_await FinishSend();
    if (sent == SendState::kSent && sends_stream_) sent = co_await SendStream();
    if (sent == SendState::kSent && keep_alive_ && !body_.at_end()) {
      keep_alive_ = co_await body_.Discard();
      linger_ = !keep_alive_;
    }
    if (!FinishRequest(arrival, sent)) break;
  }
  if (linger_) co_await Linger();
  stream_.Close();
}

bool Connection::TakeTimeout() {
  if (timed_out_) core_.mutable_counters().timed_out.Add(1);
  return std::exchange(timed_out_, false);
}

// --- the head ---

Connection::Arrival Connection::ParseHead() {
  if (workspace_ == nullptr || workspace_->input.empty()) return Arrival::kNothingYet;
  InputBuffer& input = workspace_->input;
  switch (workspace_->parser.ParseHead(input.view())) {
    case RequestParser::Step::kReady:
      input.Consume(workspace_->parser.head_bytes());
      body_.Start();
      return Arrival::kRequest;
    case RequestParser::Step::kRefused: return Arrival::kRefused;
    default: return Arrival::kNothingYet;
  }
}

Connection::Arrival Connection::ReceiveHead() {
  if (workspace_ == nullptr) workspace_ = core_.TakeWorkspace();
  InputBuffer& input = workspace_->input;
  input.MakeRoom(1);
  const IoResult result = stream_.Receive(input.free().data(), input.free().size());
  if (result.state == IoState::kWouldBlock) return Arrival::kNothingYet;
  if (result.state != IoState::kProgress) return Arrival::kClosed;
  input.Commit(result.bytes);
  if (started_us_ == 0) started_us_ = core_.NowUs();
  return ParseHead();
}

uint64_t Connection::HeadDeadlineMs() const {
  const ConnectionOptions& options = core_.options().connection;
  if (started_us_ != 0) return started_us_ / 1000 + options.header_ms;
  if (purpose_ == Purpose::kRefuse) return idle_since_ms_ + options.linger_ms;
  return idle_since_ms_ + (core_.draining() ? kDrainFirstRequestMs : options.idle_ms);
}

Task<Connection::Arrival> Connection::WaitForHead() {
  while (true) {
    const bool idle = workspace_ == nullptr || workspace_->input.empty();
    if (idle && core_.draining() && !fresh_) co_return Arrival::kClosed;
    if (idle) LetGoOfWorkspace();
    wait_ = idle ? Wait::kIdle : Wait::kHead;
    Arm(HeadDeadlineMs());
    co_await stream_.WaitReadable();
    Disarm();
    wait_ = Wait::kNothing;
    if (cut_) co_return Arrival::kClosed;
    if (timed_out_) co_return idle ? Arrival::kClosed : Arrival::kTooSlow;
    const Arrival arrival = ReceiveHead();
    if (arrival != Arrival::kNothingYet) co_return arrival;
    fresh_ = fresh_ && !core_.draining();  // It had its chance.
  }
}

void Connection::LetGoOfWorkspace() {
  if (workspace_ != nullptr) core_.GiveBack(std::move(workspace_));
}

// --- the answer ---

bool Connection::TryFast() {
  const RequestHead& head = workspace_->parser.head();
  if (head.body_kind != BodyKind::kNone || purpose_ == Purpose::kRefuse) return false;
  return core_.handler().TryHandleFast(head, peer_, &workspace_->response);
}

Task<void> Connection::MakeAnswer(Arrival arrival) {
  Response& response = workspace_->response;
  if (arrival == Arrival::kRequest && purpose_ == Purpose::kServe) {
    Request request{workspace_->parser.head(), peer_, body_, std::string_view(id_.data(), id_.size())};
    response = co_await core_.handler().Handle(request);
    co_return;
  }
  linger_ = true;
  if (arrival == Arrival::kRequest) {
    core_.handler().MakeErrorResponse(503, ResourceExhausted("the server has too many connections"), &response);
  } else if (arrival == Arrival::kRefused) {
    const Refusal& refusal = workspace_->parser.refusal();
    core_.mutable_counters().refused_requests.Add(1);
    core_.handler().MakeErrorResponse(refusal.http_status, refusal.reason, &response);
  } else {
    TakeTimeout();
    core_.handler().MakeErrorResponse(408, DeadlineExceeded("the request head came too slowly"), &response);
  }
  response.set_close_connection();
}

// True if another request may follow.
bool Connection::FinishRequest(Arrival arrival, SendState sent) {
  const uint64_t now_us = core_.NowUs();
  RequestSummary summary;
  summary.peer = &peer_;
  summary.id = {id_.data(), id_.size()};
  summary.status = workspace_->response.status();
  summary.metrics_class = workspace_->response.metrics_class();
  summary.complete = sent == SendState::kSent;
  if (arrival == Arrival::kRequest) {
    summary.head = &workspace_->parser.head();
    summary.received_bytes = workspace_->parser.head_bytes() + body_.received_bytes();
  } else {
    summary.received_bytes = workspace_->input.view().size();
  }
  summary.sent_bytes = sent_bytes_;
  summary.duration_us = now_us - std::min(now_us, started_us_);
  if (fast_) core_.mutable_counters().fast_requests.Add(1);
  core_.OnRequestDone(summary);
  SentCounter* const counter = workspace_->response.sent_counter();
  if (counter != nullptr && summary.complete && summary.status == 200 && summary.head != nullptr &&
      summary.head->method == Method::kGet) {
    counter->fetch_add(1, std::memory_order_relaxed);
  }

  if (sent != SendState::kSent) {
    TakeTimeout();
    linger_ = false;
    stream_.Abort();  // What the kernel still holds is part of a broken answer.
    return false;
  }
  if (!keep_alive_) {
    linger_ = linger_ || !workspace_->input.empty() || stream_.HasUnreadBytes();
    return false;
  }
  body_.Finish();
  if (!workspace_->input.empty()) {  // Otherwise the workspace is given back.
    workspace_->parser.Reset();
    workspace_->response.Clear();
  }
  fresh_ = false;
  idle_since_ms_ = now_us / 1000;
  started_us_ = workspace_->input.empty() ? 0 : now_us;
  return true;
}

// The answer is out and the connection ends, but the client may still be sending: closing now would reset the connection,
// and the reset may overtake the answer. Say that no more will come, and read on for a while.
Task<void> Connection::Linger() {
  const ConnectionOptions& options = core_.options().connection;
  stream_.ShutdownWrite();
  const std::unique_ptr<char[]> buffer = core_.TakeBodyBuffer();
  const uint64_t deadline_ms = NowMs() + options.linger_ms;
  uint64_t discarded_bytes = 0;
  timed_out_ = false;
  while (!stopped() && discarded_bytes < options.discard_bytes_max) {
    wait_ = Wait::kLinger;
    Arm(deadline_ms);
    co_await stream_.WaitReadable();
    Disarm();
    wait_ = Wait::kNothing;
    const IoResult result = stream_.Receive(buffer.get(), limits::kBodyChunkBytes);
    if (result.state == IoState::kEnded) break;
    discarded_bytes += result.bytes;
  }
}

Task<bool> Connection::AwaitRate(Wait wait, RateWindow* window) {
  if (stopped()) co_return false;
  window->BeginWait(NowMs());
  wait_ = wait;
  Arm(window->deadline_ms());
  if (wait == Wait::kBody)
    co_await stream_.WaitReadable();
  else
    co_await stream_.WaitWritable();
  Disarm();
  wait_ = Wait::kNothing;
  window->EndWait(NowMs());
  co_return !stopped();
}

}  // namespace tarn::http
