/** Stands where `@rjsf/core` imports its compiling validator for a test helper of its own, which we never call. */

export default null;
