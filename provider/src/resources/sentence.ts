/** As people begin and end one; a command to be copied ends with its id. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$|-[0-9a-f]{12}$/u.test(begun) ? begun : `${begun}.`;
}
