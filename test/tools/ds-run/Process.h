// Runs a program and takes what it writes: for tests of the tools as their users meet them.
#pragma once

#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

struct ProcessResult {
  int code;                ///< exit code; 128 and the signal where one ended it
  std::string out, errors; ///< stdout and stderr
};

/// \param folder  for the two outputs
/// \param out     stdout goes there instead, where it is not empty
inline ProcessResult runProcess(const std::string &program, std::vector<std::string> arguments, const std::string &folder,
                                const std::string &out = "") {
  std::string outPath = out.empty() ? folder + "/stdout" : out, errorPath = folder + "/stderr";
  pid_t child = fork();
  if (child == 0) {
    dup2(open(outPath.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open(errorPath.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    std::vector<char *> words = {const_cast<char *>(program.c_str())};
    for (std::string &argument : arguments)
      words.push_back(argument.data());
    words.push_back(nullptr);
    execv(program.c_str(), words.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  auto read = [](const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out.empty() ? read(outPath) : "", read(errorPath)};
}
