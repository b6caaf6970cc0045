#include "crank/base/text.h"
#include "crank/component/decode.h"

namespace crank::component::detail {
using namespace syntax;

std::vector<CanonOption> Parser::canon_options(Reader& in) {
  std::vector<CanonOption> out;
  for (std::uint32_t n = in.count("canonical options"); n > 0 && count_item(in); --n) {
    std::uint8_t code = in.byte();
    if (code > 0x07) {
      if (code == 0x08 || code == 0x09) {
        in.fail("core types in canonical options need the gc proposal, which Crank does not support",
                Code::unsupported);
      } else {
        in.fail(concat("the canonical option ", code, " is unknown"));
      }
      return out;
    }
    CanonOption option{static_cast<CanonOption::Kind>(code), 0};
    if (code >= CanonOption::memory && code != CanonOption::async_) option.index = in.u32();
    out.push_back(option);
  }
  return out;
}

Canon Parser::canon(Reader& in) {
  Canon out;
  std::size_t start = in.offset();
  auto function_sort = [&] {
    if (in.byte() != 0x00) in.fail_at(start, "a canonical definition is of another sort than func");
  };
  auto with_type = [&](Builtin op) {
    out.op = op;
    out.type = in.u32();
  };
  auto copy = [&](Builtin op) {
    with_type(op);
    out.options = canon_options(in);
  };
  auto cancel_copy = [&](Builtin op) {
    with_type(op);
    out.async_ = flag(in, "async");
  };
  auto cancellable = [&](Builtin op) {
    out.op = op;
    out.cancellable = flag(in, "cancellable");
  };
  auto context = [&](Builtin op) {
    out.op = op;
    std::uint8_t type = in.byte();
    if (in.ok() && type != 0x7f && type != 0x7e) in.fail_at(start, "context slots hold i32 or i64");
    out.wide = type == 0x7e;
    out.number = in.u32();
  };
  switch (std::uint8_t code = in.byte()) {
    case 0x00:
      function_sort();
      out.lift = true;
      out.function = in.u32();
      out.options = canon_options(in);
      out.type = in.u32();
      break;
    case 0x01:
      function_sort();
      out.op = Builtin::lower;
      out.function = in.u32();
      out.options = canon_options(in);
      break;
    case 0x02: with_type(Builtin::resource_new); break;
    case 0x03: with_type(Builtin::resource_drop); break;
    case 0x04: with_type(Builtin::resource_rep); break;
    case 0x05: out.op = Builtin::task_cancel; break;
    case 0x06:
      out.op = Builtin::subtask_cancel;
      out.async_ = flag(in, "async");
      break;
    case 0x09:
      out.op = Builtin::task_return;
      out.result = result_list(in);
      out.options = canon_options(in);
      break;
    case 0x0a: context(Builtin::context_get); break;
    case 0x0b: context(Builtin::context_set); break;
    case 0x0c: cancellable(Builtin::thread_yield); break;
    case 0x0d: out.op = Builtin::subtask_drop; break;
    case 0x0e: with_type(Builtin::stream_new); break;
    case 0x0f: copy(Builtin::stream_read); break;
    case 0x10: copy(Builtin::stream_write); break;
    case 0x11: cancel_copy(Builtin::stream_cancel_read); break;
    case 0x12: cancel_copy(Builtin::stream_cancel_write); break;
    case 0x13: with_type(Builtin::stream_drop_readable); break;
    case 0x14: with_type(Builtin::stream_drop_writable); break;
    case 0x15: with_type(Builtin::future_new); break;
    case 0x16: copy(Builtin::future_read); break;
    case 0x17: copy(Builtin::future_write); break;
    case 0x18: cancel_copy(Builtin::future_cancel_read); break;
    case 0x19: cancel_copy(Builtin::future_cancel_write); break;
    case 0x1a: with_type(Builtin::future_drop_readable); break;
    case 0x1b: with_type(Builtin::future_drop_writable); break;
    case 0x1c:
      out.op = Builtin::error_context_new;
      out.options = canon_options(in);
      break;
    case 0x1d:
      out.op = Builtin::error_context_debug_message;
      out.options = canon_options(in);
      break;
    case 0x1e: out.op = Builtin::error_context_drop; break;
    case 0x1f: out.op = Builtin::waitable_set_new; break;
    case 0x20:
      cancellable(Builtin::waitable_set_wait);
      out.number = in.u32();
      break;
    case 0x21:
      cancellable(Builtin::waitable_set_poll);
      out.number = in.u32();
      break;
    case 0x22: out.op = Builtin::waitable_set_drop; break;
    case 0x23: out.op = Builtin::waitable_join; break;
    case 0x24: out.op = Builtin::backpressure_inc; break;
    case 0x25: out.op = Builtin::backpressure_dec; break;
    case 0x26: out.op = Builtin::thread_index; break;
    case 0x27:
      with_type(Builtin::thread_new_indirect);
      out.number = in.u32();
      break;
    case 0x28: out.op = Builtin::thread_resume_later; break;
    case 0x29: cancellable(Builtin::thread_suspend); break;
    case 0x2a: cancellable(Builtin::thread_suspend_then_resume); break;
    case 0x2b: cancellable(Builtin::thread_yield_then_resume); break;
    case 0x2c: cancellable(Builtin::thread_suspend_then_promote); break;
    case 0x2d: cancellable(Builtin::thread_yield_then_promote); break;
    case 0x40:
    case 0x41:
    case 0x42:
      in.fail_at(start,
                 "thread.spawn and thread.available-parallelism need the shared-everything-threads proposal, which "
                 "Crank does not support",
                 Code::unsupported);
      break;
    default: in.fail_at(start, concat("the canonical definition ", code, " is unknown"));
  }
  return out;
}

}  // namespace crank::component::detail
