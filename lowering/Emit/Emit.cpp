// LLVM and lld, as libraries.
#include "lowering/Emit/Emit.h"

#include "runtime/launcher/Manifest.h"
#include "runtime/support/Json.h"
#include "runtime/support/TemporaryFolder.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "lld/Common/Driver.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

LLD_HAS_DRIVER(elf)

using namespace dsrt;

namespace dsmlir {

namespace {

/// Of the host's kind of processor, without its particular features: an artifact runs on any of them.
Expected<std::unique_ptr<llvm::TargetMachine>> targetMachine() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return Status(DSRT_INTERNAL, "no code generation for " + triple.str() + ": " + message);
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, "", "", llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::None));
}

} // namespace

Expected<std::string> emitObject(mlir::ModuleOp module, std::string_view manifest) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context, "ds-mlir", /*disableVerification=*/true);
  if (!code)
    return Status(DSRT_INTERNAL, "the module has no translation to LLVM IR");
  Expected<std::unique_ptr<llvm::TargetMachine>> machine = targetMachine();
  if (!machine)
    return machine.status();
  code->setTargetTriple((*machine)->getTargetTriple());
  code->setDataLayout((*machine)->createDataLayout());

  llvm::Constant *text = llvm::ConstantDataArray::getString(context, llvm::StringRef(manifest.data(), manifest.size()), /*AddNull=*/false);
  auto *global =
      new llvm::GlobalVariable(*code, text->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, text, "dsmlir_manifest");
  global->setSection(manifestSection);
  global->setAlignment(llvm::Align(1));

  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile, /*DisableVerify=*/true))
    return Status(DSRT_INTERNAL, "LLVM does not write objects for this target");
  passes.run(*code);
  return std::string(object);
}

Status linkArtifact(const std::string &object, const std::string &path) {
  TemporaryFolder folder;
  if (Status status = folder.status(); !status.ok())
    return status;
  std::string input = folder.path + "/program.o", output = folder.path + "/program.so";
  if (Status status = writeFile(input, object); !status.ok())
    return status;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  // No build id and no names of files: the same object gives the same bytes.
  std::vector<const char *> words = {"ld.lld",      "-shared", "--hash-style=gnu", "--build-id=none", "-z", "now",
                                     input.c_str(), "-o",      output.c_str()};
  const lld::DriverDef drivers[] = {{lld::Gnu, &lld::elf::link}};
  lld::Result result = lld::lldMain(words, stream, stream, drivers);
  if (result.retCode != 0)
    return {DSRT_INTERNAL, "lld: " + messages};
  Expected<std::string> bytes = readFile(output, UINT64_MAX);
  if (!bytes)
    return bytes.status();
  return writeFile(path, *bytes);
}

} // namespace dsmlir
