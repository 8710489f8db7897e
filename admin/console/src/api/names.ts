/** How a scene's names become names of GraphQL; the server's composer does the same. */

export const pascal = (snake: string): string =>
  snake
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

export const camel = (snake: string): string => {
  const name = pascal(snake);
  return name.charAt(0).toLowerCase() + name.slice(1);
};
