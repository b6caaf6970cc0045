#include "examples/middleware/codec.h"

namespace crank::example {
namespace {

// Chosen for a server that compresses each answer once: 128 KiB of state, a third of the time of zlib's level 6 for a few
// percent of size.
constexpr int level = 4;
constexpr int memory_level = 7;
constexpr int window_bits = 15;
constexpr int gzip_header = 16;

void set_input(z_stream& stream, std::span<const std::uint8_t> input) {
  stream.next_in = const_cast<Bytef*>(input.data());  // zlib's field is not const, its use of it is
  stream.avail_in = static_cast<uInt>(input.size());
}

}  // namespace

Encoder::Encoder(Coding coding) {
  int bits = coding == Coding::gzip ? window_bits + gzip_header : window_bits;
  failed_ = deflateInit2(&stream_, level, Z_DEFLATED, bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK;
}
Encoder::~Encoder() { deflateEnd(&stream_); }

void Encoder::feed(std::span<const std::uint8_t> input) {
  set_input(stream_, input);
  holds_back_ = holds_back_ || !input.empty();
}

std::size_t Encoder::step(std::span<std::uint8_t> output, Flush flush) {
  if (failed_ || finished_) return 0;
  if (flush == Flush::none && stream_.avail_in == 0) return 0;
  if (flush == Flush::sync && !holds_back_ && !flushing_) return 0;
  stream_.next_out = output.data();
  stream_.avail_out = static_cast<uInt>(output.size());
  int how = flush == Flush::finish ? Z_FINISH : flush == Flush::sync ? Z_SYNC_FLUSH : Z_NO_FLUSH;
  int status = deflate(&stream_, how);
  std::size_t made = output.size() - stream_.avail_out;
  if (status == Z_STREAM_END) {
    finished_ = true;
  } else if (status != Z_OK && status != Z_BUF_ERROR) {
    failed_ = true;
  } else if (flush == Flush::sync) {
    // A flush is complete once zlib leaves room in the output; until then the next step goes on with it.
    flushing_ = stream_.avail_out == 0;
    if (!flushing_) holds_back_ = false;
  }
  return made;
}

Decoder::Decoder(Coding coding) : coding_(coding) {}
Decoder::~Decoder() {
  if (open_) inflateEnd(&stream_);
}

// "deflate" means the zlib format, but some senders leave its two header bytes out. The first byte tells: zlib's says
// method 8 in its low half, which no raw stream written by a compressor starts with (it would be a stored block that is
// not the last one, with non-zero padding).
bool Decoder::open(std::uint8_t first) {
  int bits = coding_ == Coding::gzip        ? window_bits + gzip_header
             : (first & 0x0f) == Z_DEFLATED ? window_bits
                                            : -window_bits;
  open_ = inflateInit2(&stream_, bits) == Z_OK;
  return open_;
}

void Decoder::feed(std::span<const std::uint8_t> input) {
  set_input(stream_, input);
  if (!open_ && !input.empty() && !open(input[0])) failed_ = true;
}

std::size_t Decoder::step(std::span<std::uint8_t> output, Flush flush) {
  if (failed_) return 0;
  stream_.next_out = output.data();
  stream_.avail_out = static_cast<uInt>(output.size());
  while (open_ && stream_.avail_out != 0) {
    if (between_members_) {
      if (stream_.avail_in == 0) break;
      if (coding_ != Coding::gzip) {  // bytes after the end of the one stream there may be
        failed_ = true;
        break;
      }
      inflateReset(&stream_);
      between_members_ = false;
    }
    int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      between_members_ = true;
      continue;
    }
    if (status == Z_OK && (stream_.avail_in != 0 || stream_.avail_out == 0)) continue;
    failed_ = status != Z_OK && status != Z_BUF_ERROR;
    break;
  }
  std::size_t made = output.size() - stream_.avail_out;
  // An empty body has nothing to take off; anything else must have come to its end.
  if (flush == Flush::finish && made == 0 && open_ && !between_members_) failed_ = true;
  return made;
}

}  // namespace crank::example
