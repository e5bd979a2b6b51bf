#pragma once

#include <cstdint>
#include <memory>

#include "http/net/body_stream.h"
#include "http/net/connection_body.h"
#include "http/net/core.h"
#include "http/net/deadline.h"
#include "http/net/handler.h"
#include "http/net/rate_window.h"
#include "http/net/response_stamp.h"
#include "http/net/stream.h"
#include "http/net/task.h"

namespace tarn::http {

// One client: requests one after the other, each answered before the next is looked at, until someone has had enough.
//
// The path of a small hot GET has no suspension but the wait for its first byte: receive, parse, TryHandleFast and one
// sendmsg are plain calls. Threads: one core.
class Connection final : public Deadline {
 public:
  enum class Purpose : uint8_t {
    kServe,
    kRefuse,  // One too many: its first request is answered 503.
  };

  Connection(Core& core, int fd, Peer peer, Purpose purpose);
  ~Connection() override;

  // Ends when the connection is closed.
  Task<void> Run();
  // No further requests; at once if none is in hand.
  void StartDrain();
  // Ends as soon as the handler lets go.
  void Cut();
  Purpose purpose() const { return purpose_; }

 private:
  friend class ConnectionBody;

  // What we wait for; decides what a deadline means.
  enum class Wait : uint8_t { kNothing, kIdle, kHead, kBody, kSend, kLinger, kStream };
  // What came of the attempt to read a request.
  enum class Arrival : uint8_t { kNothingYet, kRequest, kRefused, kTooSlow, kClosed };
  enum class SendState : uint8_t { kSent, kBlocked, kFailed };

  // connection.cc
  Arrival ReceiveHead();
  Arrival ParseHead();
  Task<Arrival> WaitForHead();
  uint64_t HeadDeadlineMs() const;
  bool TryFast();
  Task<void> MakeAnswer(Arrival arrival);
  bool FinishRequest(Arrival arrival, SendState sent);
  void LetGoOfWorkspace();
  Task<void> Linger();
  void OnDeadline(uint64_t now_ms) override;

  // connection_send.cc
  SendState StartSend(Arrival arrival);
  SendState SendPending();
  Task<SendState> FinishSend();
  Task<SendState> SendFile();
  Task<SendState> SendStream();
  Task<SendState> SendStep(const StreamStep& step);
  Task<bool> AwaitNews(const StreamWaker& waker, uint64_t until_ms);
  std::shared_ptr<StreamWaker> NewWaker();
  Task<bool> ReadAhead(const FileRange& range, uint64_t offset, size_t size);
  bool IsWarm(int fd, uint64_t offset, size_t size);
  uint64_t AddFileStart(const FileRange& range);
  Task<bool> SendContinue();

  // kBody: until there is something to read; kSend: room to write. False when the client is too slow or all is over.
  Task<bool> AwaitRate(Wait wait, RateWindow* window);
  // True once for each time that a deadline passed: the caller has dealt with it.
  bool TakeTimeout();
  bool stopped() const { return timed_out_ || cut_; }
  uint64_t NowMs() { return core_.NowUs() / 1000; }

  Core& core_;
  Stream stream_;
  const Peer peer_;
  const Purpose purpose_;
  std::unique_ptr<Workspace> workspace_;  // Null while idle.
  ConnectionBody body_;
  RateWindow send_rate_;

  Wait wait_ = Wait::kNothing;
  bool timed_out_ = false;
  bool cut_ = false;
  bool fresh_ = true;       // No request was finished yet.
  bool keep_alive_ = true;  // Decided when the answer begins.
  bool linger_ = false;     // The client may still be sending: let it see the answer before the end.
  bool fast_ = false;
  bool sends_stream_ = false;     // A stream follows the head.
  bool sends_file_ = false;       // A file body follows what is in memory.
  uint64_t file_sent_bytes_ = 0;  // Of the file body, from memory with the head.
  // Only for weak references to it: whether a wake-up that was posted still finds its connection.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  RequestId id_{};
  uint64_t idle_since_ms_;
  uint64_t started_us_ = 0;  // First byte of the request in hand; 0: none.
  uint64_t sent_bytes_ = 0;  // Of the answer in hand.
};

}  // namespace tarn::http
