# Writes a text file as a C++ string literal, to be included: cmake -D INPUT=page.html -D OUTPUT=page.html.inc -P EmbedText.cmake
file(READ ${INPUT} text)
if(text MATCHES "\\)embedded\"")
  message(FATAL_ERROR "${INPUT} holds the end of the literal that it would be embedded in")
endif()
file(WRITE ${OUTPUT} "R\"embedded(${text})embedded\"\n")
