// SPDX-License-Identifier: Apache-2.0
#include "serve/exchange.hpp"

namespace kvhost {
namespace {

constexpr std::chrono::milliseconds kLook(100);  // for a client that went away

}  // namespace

Connections::Peer peer_of(const httplib::Request& request) {
  return {request.remote_addr, request.remote_port};
}

// Waits for what comes next; nothing: all is over, or the client went away.
std::optional<Event> Exchange::next_event(Outlet& outlet,
                                                   const Connections::Peer& peer) const {
  while (true) {
    if (auto event = outlet.take(kLook)) return event;
    if (outlet.over()) return std::nullopt;
    if (connections_.gone(peer)) {
      outlet.cancel();
      return std::nullopt;
    }
  }
}

void Exchange::carry_out(Call given,
                                  const httplib::Request& request,
                                  httplib::Response& response) {
  const auto call = std::make_shared<Call>(std::move(given));
  const Connections::Peer peer = peer_of(request);
  scheduler_.submit(std::move(call->tasks));
  // Until something comes, what fails is told by the status.
  auto event = next_event(*call->outlet, peer);
  if (event && std::holds_alternative<Failed>(*event)) {
    call->outlet->cancel();
    throw Refused(std::get<Failed>(*event).refusal);
  }
  if (call->stream) return stream(call, std::move(event), peer, response);
  Collected all;
  for (; event; event = next_event(*call->outlet, peer)) {
    if (const auto* failed = std::get_if<Failed>(&*event)) {
      call->outlet->cancel();
      throw Refused(failed->refusal);
    }
    all.add(*event);
  }
  if (call->outlet->cancelled()) refuse(499, "client: hung up");
  response.set_content(call->wire->whole(all), "application/json");
}

void Exchange::stream(std::shared_ptr<Call> call,
                               std::optional<Event> first,
                               const Connections::Peer& peer,
                               httplib::Response& response) {
  struct Progress {
    Progress(Connections& connections, const Connections::Peer& peer) : attended(connections, peer) {}
    Attended attended;
    Collected all;
    std::optional<Event> first;
  };
  auto progress = std::make_shared<Progress>(connections_, peer);
  progress->first = std::move(first);
  ++n_streams_;
  response.set_header("Cache-Control", "no-cache");
  response.set_header("X-Accel-Buffering", "no");
  const auto provide = [this, call, progress, peer](size_t, httplib::DataSink& sink) {
    const auto send = [&](const std::string& text) {
      return text.empty() || sink.write(text.data(), text.size());
    };
    std::optional<Event> event = std::move(progress->first);
    progress->first.reset();
    if (!event) event = call->outlet->take(kLook);
    if (event) {
      if (const auto* failed = std::get_if<Failed>(&*event)) {
        call->outlet->cancel();
        const bool sent = send(call->wire->failed(failed->refusal));
        sink.done();
        return sent;
      }
      progress->all.add(*event);
      return send(call->wire->piece(*event, progress->all));
    }
    if (call->outlet->over()) {
      const bool sent = send(call->wire->end(progress->all));
      sink.done();
      return sent;
    }
    return !connections_.gone(peer);
  };
  response.set_chunked_content_provider(
      "text/event-stream",
      [provide](size_t offset, httplib::DataSink& sink) {
        try {
          return provide(offset, sink);
        } catch (...) {
          return false;
        }
      },
      [this, call, progress](bool) {
        call->outlet->cancel();
        --n_streams_;
      });
}

}  // namespace kvhost
