#include "crank/component/stream_state.h"

#include <algorithm>
#include <cstring>

#include "crank/component/root_state.h"
#include "crank/component/side.h"

namespace crank::component::detail {

using crank::detail::LockGuard;

namespace {

bool reads(const End& e) noexcept { return is_readable(e.kind); }

// Lock held. A host end is handed back, to be told once the lock is free.
[[nodiscard]] End* notify(End& o, CopyResult result, const Activation* chain) {
  o.result = result;
  o.notified = true;
  if (!o.owner) return &o;
  Group& group = *o.owner->group;
  if (!o.in_flight && holds(chain, group)) {
    set_event(o);
  } else if (!o.in_flight) {
    o.in_flight = true;
    o.copied.end = &o;
    o.copied.group = &group;
    o.copied.run = [](Job* job) noexcept {
      auto& message = *static_cast<End::Copied*>(job);
      End* end = message.end;
      Group& to = *message.group;
      bool now, dead;
      {
        LockGuard guard(end->shared->lock);
        end->in_flight = false;
        now = end->notified;
        dead = end->dead;
      }
      if (dead)
        delete end;
      else if (now)
        set_event(*end);
      to.end_turn();
    };
    group.post(o.copied);
  }
  return nullptr;
}

// After this the host's end may be gone.
void tell(End* host) {
  if (host && host->on_host_event) host->on_host_event(*host);
}

Value take_values(std::vector<Value>& from, std::uint32_t first, std::uint32_t count) {
  std::vector<Value> out;
  out.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(std::move(from[first + i]));
  return Value::list(std::move(out));
}

// The executors of both guest owners are held; nobody else touches the two operations.
Result<> transfer(End& writer, End& reader, std::uint32_t count, Activation* chain) {
  const std::uint32_t write_size = writer.owner ? writer.type->element->size : 0;
  const std::uint32_t read_size = reader.owner ? reader.type->element->size : 0;
  const std::uint32_t from = writer.address + writer.progress * write_size;
  const std::uint32_t to = reader.address + reader.progress * read_size;
  if (writer.owner && reader.owner) {
    Side w(*writer.owner, writer.options, nullptr, chain), r(*reader.owner, reader.options, nullptr, chain);
    auto copied = copy_elements(w.context, from, writer.type->element, r.context, to, reader.type->element, count);
    if (!copied) return fail(std::move(copied).error());
  } else if (writer.owner) {
    Side w(*writer.owner, writer.options, nullptr, chain);
    CRANK_TRY(Value elements, load_elements(w.context, from, count, writer.type->element));
    if (elements.kind() == Value::Kind::list) {
      for (Value& v : elements.elements()) reader.values->push_back(std::move(v));
    } else {
      reader.values->push_back(std::move(elements));
    }
  } else if (reader.owner) {
    Side r(*reader.owner, reader.options, nullptr, chain);
    Value elements = take_values(*writer.values, writer.progress, count);
    auto stored = store_elements(r.context, elements, 0, count, to, reader.type->element);
    if (!stored) return fail(std::move(stored).error());
  } else {
    for (std::uint32_t i = 0; i < count; ++i)
      reader.values->push_back(std::move((*writer.values)[writer.progress + i]));
  }
  return {};
}

// Rule 3. `s.second` and `s.pending` are set. Answers whether it is settled (or gone); false: try from the other owner.
Result<bool> try_match(Shared& s, Activation* chain, InstanceState* here) {
  End *first, *second;
  {
    LockGuard guard(s.lock);
    first = s.pending;
    second = s.second;
    if (!first || !second) return true;
    s.transferring = true;
  }
  auto hold_of = [&](End& e) -> Group& {
    return *(e.owner ? e.owner : (first->owner ? first->owner : second->owner))->group;
  };
  Result<bool> outcome = false;
  End *tell_first = nullptr, *tell_second = nullptr;
  const bool both_host = !first->owner && !second->owner;
  if (both_host) {
    End& w = reads(*first) ? *second : *first;
    End& r = reads(*first) ? *first : *second;
    std::uint32_t n = std::min(w.remain(), r.remain());
    (void)transfer(w, r, n, chain);
    LockGuard guard(s.lock);
    w.progress += n, r.progress += n;
    s.transferring = false;
    s.pending = s.second = nullptr;
    tell_first = notify(*first, CopyResult::completed, chain);
    tell_second = notify(*second, CopyResult::completed, chain);
    outcome = true;
  } else {
    const Group* self = here ? here->group : nullptr;
    Hold one(chain, hold_of(*first), self), two(chain, hold_of(*second), self);
    const bool can = one && (two || hold_of(*first).actor == hold_of(*second).actor) &&
                     same_stack(chain, hold_of(*first)) && same_stack(chain, hold_of(*second));
    Result<> moved;
    std::uint32_t n = 0;
    End& w = reads(*first) ? *second : *first;
    End& r = reads(*first) ? *first : *second;
    if (can) {
      n = std::min(w.remain(), r.remain());
      moved = transfer(w, r, n, chain);
    }
    LockGuard guard(s.lock);
    s.transferring = false;
    if (can && moved) {
      w.progress += n, r.progress += n;
      s.second = nullptr;
      if (s.is_future || !first->owner) s.pending = nullptr;
      tell_first = notify(*first, CopyResult::completed, chain);
      tell_second = notify(*second, CopyResult::completed, chain);
      outcome = true;
    } else if (can) {
      s.second = nullptr;
      outcome = fail(std::move(moved).error());
    }
  }
  tell(tell_first);
  tell(tell_second);
  return outcome;
}

void post_match(Shared& s, InstanceState& on);

void run_match(Job* job) noexcept {
  auto& m = *static_cast<Shared::Match*>(job);
  Ref<Shared> shared = Ref<Shared>::adopt(m.shared);
  Group& group = *m.group;
  {
    LockGuard guard(shared->lock);
    shared->match_posted = false;
  }
  if (!group.root.dead()) {
    auto settled = try_match(*shared, nullptr, group.instances.front());
    if (!settled) {
      group.root.die(std::move(settled).error());
    } else if (!*settled) {
      InstanceState* other = nullptr;
      {
        LockGuard guard(shared->lock);
        for (End* e : {shared->pending, shared->second})
          if (e && e->owner && e->owner->group != &group) other = e->owner;
        if (!other && shared->pending && shared->pending->owner) other = shared->pending->owner;
      }
      if (other) post_match(*shared, *other);
    }
  }
  group.end_turn();
}

void post_match(Shared& s, InstanceState& on) {
  {
    LockGuard guard(s.lock);
    if (s.match_posted) return;
    s.match_posted = true;
  }
  s.retain();
  s.match.shared = &s;
  s.match.group = on.group;
  s.match.run = run_match;
  on.group->post(s.match);
}

}  // namespace

void attach_outside(Shared& s) {
  LockGuard guard(s.lock);
  ++s.outside;
  if (s.domain) s.domain->begin();
}

void detach_outside(Shared& s) {
  std::shared_ptr<Domain> domain;
  {
    LockGuard guard(s.lock);
    --s.outside;
    domain = s.domain;
  }
  if (domain) domain->end();
}

void attach_domain(Shared& s, const std::shared_ptr<Domain>& domain) {
  LockGuard guard(s.lock);
  if (s.domain) return;
  s.domain = domain;
  for (std::uint32_t i = 0; i < s.outside; ++i) domain->begin();
}

ReadableHandle::ReadableHandle(Ref<Shared> s) : shared(std::move(s)) { attach_outside(*shared); }

Ref<Shared> ReadableHandle::take() noexcept {
  Ref<Shared> taken = std::move(shared);
  if (taken) detach_outside(*taken);
  return taken;
}

ReadableHandle::~ReadableHandle() {
  if (!shared) return;
  drop_side(*shared, false, nullptr);
  detach_outside(*shared);
}

namespace {
Value::Kind number_kind(TypeRef element) noexcept {
  switch (element->kind) {
    case TypeKind::s8: return Value::Kind::s8;
    case TypeKind::u8: return Value::Kind::u8;
    case TypeKind::s16: return Value::Kind::s16;
    case TypeKind::u16: return Value::Kind::u16;
    case TypeKind::s32: return Value::Kind::s32;
    case TypeKind::u32: return Value::Kind::u32;
    case TypeKind::s64: return Value::Kind::s64;
    case TypeKind::u64: return Value::Kind::u64;
    case TypeKind::f32: return Value::Kind::f32;
    case TypeKind::f64: return Value::Kind::f64;
    default: return Value::Kind::list;
  }
}
}  // namespace

std::uint32_t width_of(TypeRef element) noexcept { return width(number_kind(element)); }

Ref<Shared> make_shared_stream(TypeRef type) {
  return make_shared_stream(type->element ? number_kind(type->element) : Value::Kind::none,
                            type->kind == TypeKind::future);
}

Ref<Shared> make_shared_stream(Value::Kind element, bool is_future) {
  auto s = make_ref<Shared>();
  s->is_future = is_future;
  s->element_size = width(element);
  s->raw = element == Value::Kind::none || s->element_size != 0;
  s->element = s->raw ? element : Value::Kind::list;
  return s;
}

Result<bool> start_copy(End& e, Activation* chain) {
  Shared& s = *e.shared;
  const bool reading = reads(e);
  End *host = nullptr, *match_with = nullptr;
  bool finished = false;
  {
    LockGuard guard(s.lock);
    e.notified = false;
    End* o = s.pending;
    if (s.dropped) {
      if (s.abandoned && reading) return fail(Code::trap, "the writer of a future ended without writing it");
      e.result = CopyResult::dropped;
      return true;
    }
    if (!o) {
      s.pending = &e;
      return false;
    }
    if (e.owner && e.owner == o->owner && !s.raw)
      return fail(Code::trap, concat("cannot read from and write to intra-component ",
                                     s.is_future ? "future" : "stream", " with non-numeric payload"));
    if (e.wants_loan) {
      // Two that both wait to be lent a buffer would wait for ever; the second one has to bring its own.
      if (o->wants_loan)
        return fail(Code::unsupported, "both ends of the stream are the host's and ask for each other's buffer");
      // A buffer that its guest is about to be told of may be taken back at any moment: the next one is waited for.
      if (o->notified) {
        s.pending = &e;
        return false;
      }
      if (o->remain() > 0) {
        e.wants_loan = false;
        o->lent = true;
        s.loaned = o;
        e.result = CopyResult::completed;
        return true;
      }
    }
    if (o->remain() > 0) {
      if (e.remain() == 0 || o->lent) {
        e.result = CopyResult::completed;
        return true;
      }
      if (o->wants_loan) {
        o->wants_loan = false;
        e.lent = true;
        s.loaned = s.pending = &e;
        host = notify(*o, CopyResult::completed, chain);
      } else if (s.raw) {
        End& from = reading ? *o : e;
        End& to = reading ? e : *o;
        const std::uint32_t n = std::min(e.remain(), o->remain());
        if (s.element_size)
          std::memmove(to.base + std::size_t{to.progress} * s.element_size,
                       from.base + std::size_t{from.progress} * s.element_size, std::size_t{n} * s.element_size);
        from.progress += n;
        to.progress += n;
        if (s.is_future || !o->owner) s.pending = nullptr;
        host = notify(*o, CopyResult::completed, chain);
        e.result = CopyResult::completed;
        finished = true;
      } else {
        s.second = &e;
        match_with = o;
      }
    } else if (!reading && e.length == 0 && o->length == 0) {
      e.result = CopyResult::completed;
      return true;
    } else {
      host = notify(*o, CopyResult::completed, chain);
      s.pending = &e;
    }
  }
  tell(host);
  if (!match_with) return finished;
  Ref<Shared> kept = e.shared;
  InstanceState* other = match_with->owner ? match_with->owner : e.owner;
  CRANK_TRY(bool settled, try_match(s, chain, e.owner));
  if (!settled) post_match(s, *other);
  if (!settled || !e.owner) return false;
  LockGuard guard(s.lock);
  return e.notified;
}

Event deliver_copy(End& e) {
  Shared& s = *e.shared;
  LockGuard guard(s.lock);
  if (s.pending == &e) s.pending = nullptr;
  if (s.second == &e) s.second = nullptr;
  e.notified = false;
  e.cancel_wanted = false;
  const bool future = is_future(e.kind);
  e.state = e.result == CopyResult::dropped || (future && e.result == CopyResult::completed) ? CopyState::done
                                                                                             : CopyState::idle;
  const EventCode code = e.kind == EntryKind::readable_stream   ? EventCode::stream_read
                         : e.kind == EntryKind::writable_stream ? EventCode::stream_write
                         : e.kind == EntryKind::readable_future ? EventCode::future_read
                                                                : EventCode::future_write;
  const auto result = static_cast<std::uint32_t>(e.result);
  return {code, e.index, future ? result : result | e.progress << 4};
}

bool cancel_copy(End& e) {
  Shared& s = *e.shared;
  LockGuard guard(s.lock);
  if (e.notified) return true;
  if (e.lent || (s.transferring && (s.pending == &e || s.second == &e))) {
    e.cancel_wanted = true;
    return false;
  }
  if (s.pending == &e) s.pending = nullptr;
  if (s.second == &e) s.second = nullptr;
  e.result = CopyResult::cancelled;
  return true;
}

void drop_side(Shared& s, bool died, Activation* chain) {
  End *host = nullptr, *host_second = nullptr;
  {
    LockGuard guard(s.lock);
    if (s.dropped) return;
    s.dropped = true;
    if (died && s.is_future) s.abandoned = true;
    if (End* o = std::exchange(s.pending, nullptr); o) host = notify(*o, CopyResult::dropped, chain);
    if (End* o = std::exchange(s.second, nullptr); o) host_second = notify(*o, CopyResult::dropped, chain);
  }
  tell(host);
  tell(host_second);
}

void finish_loan(Shared& s, std::uint32_t elements) {
  End* host = nullptr;
  {
    LockGuard guard(s.lock);
    End* e = std::exchange(s.loaned, nullptr);
    if (!e) return;
    e->lent = false;
    if (s.pending != e) return;  // the host closed its end meanwhile, and the guest has been told
    e->progress += elements;
    if (elements == 0 && !e->cancel_wanted) return;
    if (elements == 0 || !e->owner) s.pending = nullptr;
    host = notify(*e, elements == 0 ? CopyResult::cancelled : CopyResult::completed, nullptr);
  }
  tell(host);
}

void free_end(End* e) {
  {
    LockGuard guard(e->shared->lock);
    if (e->in_flight) {
      e->dead = true;
      return;
    }
  }
  delete e;
}

void abandon_end(End* e) {
  Shared& s = *e->shared;
  {
    LockGuard guard(s.lock);
    if (s.pending == e) s.pending = nullptr;
    if (s.second == e) s.second = nullptr;
    if (s.loaned == e) s.loaned = nullptr;
    e->notified = false;
  }
  drop_side(s, e->kind == EntryKind::writable_future && e->state != CopyState::done, nullptr);
  free_end(e);
}

}  // namespace crank::component::detail
