// The small curve of how many events came in each of the last sixty seconds.

const SECONDS = 60;

/** Draw into `path`; returns the function to call for each event that arrives. */
export function pulse(path) {
  const counts = new Array(SECONDS).fill(0);
  let isQuiet = true;

  function draw() {
    const highest = Math.max(4, ...counts);
    const bars = counts.map((count, index) => {
      const height = count === 0 ? 0.6 : 2 + (count / highest) * 20;
      return `M${index * 2 + 1} 23V${(23 - height).toFixed(1)}`;
    });
    path.setAttribute("d", bars.join(""));
  }

  setInterval(() => {
    if (isQuiet) return;
    counts.shift();
    counts.push(0);
    isQuiet = counts.every((count) => count === 0);
    draw();
  }, 1000);
  draw();

  return () => {
    counts[SECONDS - 1] += 1;
    isQuiet = false;
    requestAnimationFrame(draw);
  };
}
