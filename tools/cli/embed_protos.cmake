# Writes a C++ file with the text of every .proto below ROOT/taskforge:
#   cmake -DROOT=... -DOUTPUT=... -P embed_protos.cmake
file(GLOB_RECURSE protos RELATIVE ${ROOT} ${ROOT}/taskforge/*.proto)
list(SORT protos)
set(text "#include \"cli/embedded_protos.h\"\n\nnamespace taskforge::cli {\n\n")
string(APPEND text "const std::vector<EmbeddedProto>& EmbeddedProtos() {\n")
string(APPEND text "  static const auto& protos = *new std::vector<EmbeddedProto>{\n")
foreach(proto ${protos})
  file(READ ${ROOT}/${proto} content)
  string(APPEND text "      {\"${proto}\", R\"PROTO(${content})PROTO\"},\n")
endforeach()
string(APPEND text "  };\n  return protos;\n}\n\n}  // namespace taskforge::cli\n")
file(WRITE ${OUTPUT} "${text}")
