# Writes the text file FROM to TO as a raw string literal of C++.
file(READ "${FROM}" text)
file(WRITE "${TO}" "R\"BP_EMBED(${text})BP_EMBED\"\n")
