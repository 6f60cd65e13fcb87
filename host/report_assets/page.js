'use strict';
// Draws each plot section from the JSON in it. The root element's data attributes say what failed (error) and how many
// plots were drawn (plots): tests read both.
(() => {
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
  const clock = (ms, step) => new Date(ms).toISOString().replace('T', ' ').slice(0, step % 1000 ? 23 : 19) + ' UTC';
  const dashes = [null, null, [7, 3], [2, 3], [8, 3, 2, 3], [4, 4]];

  function colors(count) {
    const list = [css('--actual')];
    for (let i = 0; i + 1 < count; ++i) list.push(css('--f' + i % 5));
    return list;
  }

  // Labelled ranges as bands, true ranges as bars along the upper edge.
  function shade(context, area, graph, plot, source) {
    const x = ms => graph.toDomXCoord(ms);
    const band = (first, last, top, height) => {
      const left = Math.max(x(first), area.x), right = Math.min(x(last), area.x + area.w);
      if (right < area.x || left > area.x + area.w) return;
      context.fillRect(left, top, Math.max(right - left, 1.5), height);
    };
    for (const [first, last, rising, from] of plot.ranges) {
      if (from !== source) continue;
      context.fillStyle = css(rising ? '--rising' : '--falling');
      band(first, last, area.y, area.h);
    }
    context.fillStyle = css('--truth');
    for (const [first, last] of plot.truth) band(first, last, area.y, 5);
  }

  function showValues(target, plot, colorList, row, ms, visible) {
    target.textContent = '';
    const time = document.createElement('span');
    time.textContent = clock(ms, plot.step);
    target.append(time);
    plot.names.forEach((name, i) => {
      if (!visible[i] || row[i + 1] === null) return;
      const item = document.createElement('span'), value = document.createElement('b');
      item.style.color = colorList[i];
      item.append(name + ' ', value);
      value.textContent = number.format(row[i + 1]);
      target.append(item);
    });
  }

  function draw(section) {
    const plot = JSON.parse(section.querySelector('script').textContent);
    for (const row of plot.rows) row[0] = new Date(row[0]);
    const frame = section.querySelector('.plot'), values = section.querySelector('.values');
    const select = section.querySelector('select');
    const boxes = [...section.querySelectorAll('input[data-series]')];
    const visible = plot.names.map((_, i) => i === 0 || boxes[i - 1].checked);
    const series = {};
    plot.names.forEach((name, i) => {
      series[name] = { strokeWidth: i === 0 ? 1.4 : 1.3, strokePattern: dashes[Math.min(i, dashes.length - 1)] };
    });
    // Rows of nulls break the lines at gaps.
    const graph = new Dygraph(frame, plot.rows, {
      labels: ['time', ...plot.names], series, visibility: visible, colors: colors(plot.names.length),
      labelsUTC: true, labelsKMB: true, legend: 'never', showRangeSelector: true, rangeSelectorHeight: 36,
      rangeSelectorPlotStrokeColor: css('--soft'), rangeSelectorPlotFillColor: css('--grid'),
      includeZero: true, ylabel: plot.unit, axisLineColor: css('--line'), gridLineColor: css('--grid'),
      axisLabelFontSize: 12, highlightCircleSize: 3.5, animatedZooms: false,
      drawPoints: plot.rows.length < 60, pointSize: 2,
      axes: { y: { axisLabelWidth: 62 }, x: { axisLabelWidth: 70 } },
      underlayCallback: (context, area, g) => shade(context, area, g, plot, select ? select.value : ''),
      highlightCallback: (_, ms, __, row) =>
        showValues(values, plot, graph.getColors(), plot.rows[row], ms, visible),
      unhighlightCallback: () => { values.textContent = values.dataset.hint; },
    });
    values.textContent = values.dataset.hint;
    boxes.forEach((box, i) => box.addEventListener('change', () => {
      visible[i + 1] = box.checked;
      graph.setVisibility(i + 1, box.checked);
    }));
    if (select) select.addEventListener('change', () => graph.updateOptions({}));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => graph.updateOptions({
      colors: colors(plot.names.length), axisLineColor: css('--line'), gridLineColor: css('--grid'),
      rangeSelectorPlotStrokeColor: css('--soft'), rangeSelectorPlotFillColor: css('--grid'),
    }));
  }

  let drawn = 0;
  for (const section of document.querySelectorAll('section[data-plot]')) {
    draw(section);
    ++drawn;
  }
  document.documentElement.dataset.plots = drawn;
})();
