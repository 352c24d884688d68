// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>
#include <memory>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "engine/plugin_set.hpp"
#include "kit/new_project.hpp"

namespace kvhost {

namespace {

struct NewFlags {
  std::string kind, name, language = "cpp", folder, vendor, license = "Apache-2.0";
};

std::vector<std::string> names_taken() {
  std::vector<std::string> out;
  const PluginSet plugins = find_plugins({});
  for (const auto& method : plugins.catalog.methods()) {
    out.push_back(method.name);
    out.insert(out.end(), method.aliases.begin(), method.aliases.end());
  }
  return out;
}

std::string default_vendor() {
  const std::string user = environment("USER");
  return user.empty() ? "unknown" : user;
}

int make_project(const NewFlags& flags) {
  NewProject project;
  project.kind = kind_named(flags.kind, "kvhost new");
  project.language = language_named(flags.language, project.kind, "--lang");
  check_method_name(flags.name, names_taken(), "kvhost new");
  project.name = flags.name;
  project.vendor = flags.vendor.empty() ? default_vendor() : flags.vendor;
  if (project.vendor.find_first_of("\"\\\n") != std::string::npos)
    bad_request("--vendor", "found " + kvhost::quoted(project.vendor) + "; expected no quotes or backslashes");
  const bool spdx = !flags.license.empty() &&
                    flags.license.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.+-()_ "
                                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
  if (!spdx)
    bad_request("--license", "found " + kvhost::quoted(flags.license) + "; expected an SPDX identifier: MIT");
  project.license = flags.license;
  const std::filesystem::path folder = flags.folder.empty() ? flags.name : flags.folder;
  const std::vector<ProjectFile> files = files_of(project);
  write_project(folder, files);
  for (const auto& file : files) std::cout << (folder / file.path).string() << '\n';
  if (project.language == Language::Rust) {
    std::cerr << "next: cd " << folder.string() << " && cargo build --release && cargo test --release\n";
    return 0;
  }
  std::cerr << "next: cmake -S " << folder.string() << " -B " << (folder / "build").string()
            << " -DCMAKE_PREFIX_PATH=<prefix of kvhost> && cmake --build "
            << (folder / "build").string() << " && ctest --test-dir " << (folder / "build").string()
            << '\n';
  return 0;
}

}  // namespace

Command new_command() {
  return {"new",
          "begin a method of your own: a project that builds and passes its tests as it is",
          "KIND NAME",
          "KIND is scorer, wrapper, head_allocator, layer_allocator or press. Written are the\n"
          "method, its test, a build file, a README, a licence and a CI file; replace the formula\n"
          "in the method and in its test. The SDK comes with `make install`.",
          "kvhost new scorer my_method\n"
          "kvhost new scorer my_method --lang c\n"
          "kvhost new wrapper my_wrapper --lang rust --license MIT\n"
          "kvhost new layer_allocator my_layers --into ~/methods/my_layers --vendor 'My Lab'",
          [](CLI::App& app) {
            auto flags = std::make_shared<NewFlags>();
            auto* own = flags.get();
            app.option_defaults()->group("What");
            app.add_option("kind", flags->kind)->group("")->type_name("KIND")->required();
            app.add_option("name", flags->name)->group("")->type_name("NAME")->required();
            add_text(app,
                     {"--lang", "LANG", "cpp, c, rust, or torch for a scorer with libtorch inside."},
                     [own](const std::string& v) { own->language = v; });
            add_text(app,
                     {"--into", "DIR", "The folder to make. Default: NAME."},
                     [own](const std::string& v) { own->folder = v; });
            add_text(app,
                     {"--vendor", "WHO", "Who ships it. Default: the user's name."},
                     [own](const std::string& v) { own->vendor = v; });
            add_text(app,
                     {"--license", "SPDX", "Its licence. Default: Apache-2.0."},
                     [own](const std::string& v) { own->license = v; });
            return [flags] { return make_project(*flags); };
          }};
}

}  // namespace kvhost
