/* A library to link against and then do without. */
__attribute__((visibility("default"))) int FAKE_FUNCTION(void) { return 0; }
