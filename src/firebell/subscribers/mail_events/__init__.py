"""What mail providers report: bounces and complaints."""
