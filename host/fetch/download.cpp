// SPDX-License-Identifier: Apache-2.0
#include "fetch/download.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

class FileReceiver : public Receiver {
 public:
  FileReceiver(const Download& what, PartialFile& file, const OnBytes& on_bytes)
      : what_(what), file_(file), on_bytes_(on_bytes) {}

  int64_t from() const override { return file_.size(); }
  void restart() override { file_.restart(); }
  void begin(const Answer& answer) override;
  void take(const char* bytes, size_t n) override;
  std::string missing() const override;

 private:
  [[noreturn]] void refuse_size(int64_t bytes) const;

  const Download& what_;
  PartialFile& file_;
  const OnBytes& on_bytes_;
};

void FileReceiver::refuse_size(int64_t bytes) const {
  run_failed(what_.name,
             "the server sends " + std::to_string(bytes) + " bytes; expected " +
                 std::to_string(what_.expected.bytes) +
                 "; what it says of the file and what it sends do not agree, try again later");
}

// "bytes 100-199/200" continues what is there; a whole answer (200) begins anew.
void FileReceiver::begin(const Answer& answer) {
  const std::string range = answer.field("content-range");
  const bool continues =
      answer.status == 206 && range.starts_with("bytes " + std::to_string(file_.size()) + "-");
  if (answer.status == 206 && !continues)
    run_failed(what_.name,
               "the server sends '" + range.substr(0, 60) + "'; expected the bytes from " +
                   std::to_string(file_.size()));
  if (!continues && file_.size() > 0) file_.restart();
  const int64_t body = answer.number("content-length");
  if (body >= 0 && file_.size() + body != what_.expected.bytes) refuse_size(file_.size() + body);
}

void FileReceiver::take(const char* bytes, size_t n) {
  const int64_t size = file_.size() + static_cast<int64_t>(n);
  if (size > what_.expected.bytes) refuse_size(size);
  file_.append(bytes, n);
  if (on_bytes_) on_bytes_(size);
}

std::string FileReceiver::missing() const {
  if (file_.is_whole()) return "";
  return "the answer ended after " + std::to_string(file_.size()) + " of " +
         std::to_string(what_.expected.bytes) + " bytes";
}

}  // namespace

void download(Requests& requests, const Download& what, const OnBytes& on_bytes) {
  PartialFile file(what.partial, what.expected);
  FileReceiver receiver(what, file, on_bytes);
  // an earlier run may have left bytes of no use: those are no reason to give up
  bool resumed = file.size() > 0;
  for (;;) {
    if (!file.is_whole()) requests.get(what.url, {}, receiver);
    if (file.matches()) break;
    if (!resumed) {
      file.discard();
      run_failed(what.name,
                 std::string("the bytes that came have another ") + what.expected.checksum.name() +
                     "; expected " + what.expected.checksum.hex +
                     "; they were thrown away; if it happens again, tell whoever serves the file");
    }
    file.restart();
    resumed = false;
  }
  file.publish(what.target);
}

}  // namespace kvhost
