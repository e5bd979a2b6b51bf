#include "http/api/web_sessions.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"

namespace tarn::http {
namespace {
constexpr size_t kNameBytes = 32;
}  // namespace

void WebSessions::DropExpired() {
  const uint64_t now_ms = clock_.MonotonicMs();
  std::erase_if(sessions_, [&](const auto& entry) {
    if (entry.second.ends_ms > now_ms) return false;
    page_of_done_.erase(entry.second.done);
    return true;
  });
}

WebSessions::Session* WebSessions::Live(std::string_view page) {
  const auto entry = sessions_.find(std::string(page));
  if (entry == sessions_.end() || entry->second.ends_ms <= clock_.MonotonicMs()) return nullptr;
  return &entry->second;
}

Result<WebSessions::Names> WebSessions::Begin(Origin origin) {
  MutexLock lock(mutex_);
  DropExpired();
  const auto from_there = static_cast<size_t>(std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second.view.origin.address == origin.address;
  }));
  if (sessions_.size() >= limits::kWebSessionsMax || from_there >= limits::kWebSessionsPerAddressMax) {
    return ResourceExhausted(
        "Too many web logins are waiting already. Finish one of them, or try again in ten minutes.");
  }
  Names names{Base64UrlEncode(random_.Bytes(kNameBytes)), Base64UrlEncode(random_.Bytes(kNameBytes))};
  Session session;
  session.view = {std::move(origin), State::kWaiting, Base64UrlEncode(random_.Bytes(kNameBytes))};
  session.done = names.done;
  session.ends_ms = clock_.MonotonicMs() + limits::kWebSessionMs;
  sessions_.emplace(names.page, std::move(session));
  page_of_done_.emplace(names.done, names.page);
  return names;
}

std::optional<WebSessions::View> WebSessions::Find(std::string_view page) {
  MutexLock lock(mutex_);
  const Session* session = Live(page);
  return session == nullptr ? std::nullopt : std::optional(session->view);
}

bool WebSessions::Claim(std::string_view page) {
  MutexLock lock(mutex_);
  Session* session = Live(page);
  if (session == nullptr || session->view.state != State::kWaiting) return false;
  session->view.state = State::kBusy;
  return true;
}

void WebSessions::Release(std::string_view page) {
  MutexLock lock(mutex_);
  Session* session = Live(page);
  if (session != nullptr && session->view.state == State::kBusy) session->view.state = State::kWaiting;
}

void WebSessions::Approve(std::string_view page, std::string token) {
  MutexLock lock(mutex_);
  Session* session = Live(page);
  if (session == nullptr || session->view.state != State::kBusy) return;
  session->view.state = State::kApproved;
  session->token = std::move(token);
}

WebSessions::Poll WebSessions::Take(std::string_view done) {
  MutexLock lock(mutex_);
  const auto page = page_of_done_.find(std::string(done));
  Session* session = page == page_of_done_.end() ? nullptr : Live(page->second);
  if (session == nullptr) return {};
  if (session->view.state != State::kApproved) return {Poll::Outcome::kWaiting, {}};
  Poll poll{Poll::Outcome::kDone, std::move(session->token)};
  sessions_.erase(page->second);
  page_of_done_.erase(page);
  return poll;
}

}  // namespace tarn::http
