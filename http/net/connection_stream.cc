// The part of Connection that sends bodies of unknown length.
#include <boost/asio/post.hpp>

#include "http/net/connection.h"

namespace tarn::http {

// Called from any thread, with a core that lives: a stream lets go of its waker's callers before it is destroyed.
std::shared_ptr<StreamWaker> Connection::NewWaker() {
  return std::make_shared<StreamWaker>([this] {
    boost::asio::post(core_.context(), [this, alive = std::weak_ptr<const bool>(alive_)] {
      if (!alive.expired() && wait_ == Wait::kStream) stream_.CancelWaits();
    });
  });
}

Task<Connection::SendState> Connection::SendStream() {
  Response& response = workspace_->response;
  const std::shared_ptr<StreamWaker> waker = NewWaker();
  response.stream()->Start(waker);
  SendState sent = SendState::kBlocked;
  while (sent == SendState::kBlocked) {
    const bool finishing = core_.draining();
    // Before it looks, so that what comes meanwhile is news.
    waker->Rearm();
    const auto mode = finishing ? BodyStream::Mode::kFinish : BodyStream::Mode::kGoOn;
    const StreamStep step = co_await response.stream()->Next(mode);
    if (stopped() || step.kind == StreamStep::Kind::kBroken) {
      sent = SendState::kFailed;
    } else if (step.kind == StreamStep::Kind::kWait && !finishing) {
      if (!co_await AwaitNews(*waker, step.until_ms)) sent = SendState::kFailed;
    } else if (step.kind == StreamStep::Kind::kBytes) {
      if (co_await SendStep(step) == SendState::kFailed) sent = SendState::kFailed;
    } else {
      sent = SendState::kSent;
    }
  }
  response.DropStream();
  if (sent == SendState::kFailed || workspace_->parser.head().minor_version == 0) co_return sent;
  workspace_->outgoing.StartEnd();
  co_return co_await FinishSend();
}

Task<Connection::SendState> Connection::SendStep(const StreamStep& step) {
  const bool chunked = workspace_->parser.head().minor_version != 0;
  workspace_->outgoing.StartPart(step.pieces,
                                 chunked ? OutgoingResponse::Framing::kChunk : OutgoingResponse::Framing::kNone);
  send_rate_.Restart();
  co_return co_await FinishSend();
}

// Until there is news, or it is time. False when the client is gone, or sends what nobody asked for: somebody who follows
// has nothing more to say.
Task<bool> Connection::AwaitNews(const StreamWaker& waker, uint64_t until_ms) {
  while (!waker.is_awake() && !stopped() && !core_.draining() && NowMs() < until_ms) {
    wait_ = Wait::kStream;
    Arm(until_ms);
    co_await stream_.WaitReadable();
    Disarm();
    wait_ = Wait::kNothing;
    if (!stopped() && stream_.HasInput()) co_return false;
  }
  co_return !stopped();
}

}  // namespace tarn::http
